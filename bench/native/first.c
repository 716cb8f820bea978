// The smallest program that shows that it runs: one byte, and the end.
#include <unistd.h>

int main(void) {
    ssize_t written = write(1, "x", 1);
    return written == 1 ? 0 : 1;
}
