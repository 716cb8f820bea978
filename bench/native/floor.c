// The bare kernel floor of a sandbox's start: the kernel's own work and nothing around it.
//
// A resident parent starts a program in new namespaces with a root of its own, Landlock, a filter and
// no capabilities, again and again, and prints the microseconds from before the first call to the
// program's first byte. No supervision, no checks, no control groups, no reports.
//
// usage: floor PROGRAM DIRECTORY ROUNDS
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INSIDE 1000
#define OUTSIDE 1900000009
#define RULES 60

static struct sock_filter filter[RULES + 6];

static long check(long result, const char *what) {
    if (result < 0) {
        dprintf(2, "floor: %s: %s\n", what, strerror(errno));
        _exit(1);
    }
    return result;
}

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

// As many comparisons as an engine's allowlist has, in the cheapest order: what is called comes first.
static unsigned short make_filter(void) {
    unsigned short at = 0;
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4);
    filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (int rule = 0; rule < RULES; rule++)
        filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1000 + rule, 0, 0);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return at;
}

static int sealed(const char *path) {
    int source = check(open(path, O_RDONLY | O_CLOEXEC), path);
    int program = check(memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
    char bytes[65536];
    for (ssize_t got; (got = check(read(source, bytes, sizeof bytes), "read")) > 0;)
        check(write(program, bytes, got), "write");
    close(source);
    fchmod(program, 0555);
    check(fcntl(program, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "seal");
    return program;
}

static void write_file(const char *format, int pid, const char *text) {
    char path[64];
    snprintf(path, sizeof path, format, pid);
    int file = check(open(path, O_WRONLY | O_CLOEXEC), path);
    check(write(file, text, strlen(text)), path);
    close(file);
}

static int make_root(const char *directory, int *package) {
    int context = check(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), "fsopen");
    check(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "0755", 0), "fsconfig");
    check(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
    unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    int root = check(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes), "fsmount");
    close(context);
    check(mkdirat(root, "package", 0755), "mkdirat");
    *package = check(syscall(SYS_open_tree, AT_FDCWD, directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "open_tree");
    struct mount_attr read_only = {.attr_set = attributes | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSYMFOLLOW};
    check(syscall(SYS_mount_setattr, *package, "", AT_EMPTY_PATH, &read_only, sizeof read_only), "mount_setattr");
    check(syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &read_only, sizeof read_only), "mount_setattr");
    return root;
}

static int make_rules(int package) {
    struct landlock_ruleset_attr all = {
        .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
    };
    int rules = check(syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0), "landlock_create_ruleset");
    struct landlock_path_beneath_attr read = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, .parent_fd = package};
    check(syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &read, 0), "landlock_add_rule");
    return rules;
}

static void become(int go, int out, int root, int package, int rules, int program, struct sock_fprog *code) {
    char byte;
    check(read(go, &byte, 1) - 1, "go");
    check(syscall(SYS_setresgid, INSIDE, INSIDE, INSIDE), "setresgid");
    check(syscall(SYS_setresuid, INSIDE, INSIDE, INSIDE), "setresuid");
    check(syscall(SYS_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "attach the root");
    check(syscall(SYS_move_mount, package, "", root, "package", MOVE_MOUNT_F_EMPTY_PATH), "attach the package");
    check(fchdir(root), "fchdir");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(syscall(SYS_umount2, ".", 2), "umount2");
    check(chdir("/"), "chdir");
    check(sethostname("floor", 5), "sethostname");
    struct rlimit none = {0, 0};
    check(setrlimit(RLIMIT_CORE, &none), "setrlimit");
    for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; capability++) {
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct nothing[2] = {{0}};
    check(syscall(SYS_capset, &header, nothing), "capset");
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "pdeathsig");
    check(syscall(SYS_landlock_restrict_self, rules, 0), "landlock_restrict_self");
    check(dup2(out, 1), "dup2");
    check(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
    check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, code), "seccomp");
    char *arguments[] = {"floor", NULL}, *environment[] = {NULL};
    syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
    check(-1, "execveat");
}

static double once(int program, const char *directory, struct sock_fprog *code) {
    double begun = now_us();
    int package, go[2], out[2];
    int root = make_root(directory, &package);
    int rules = make_rules(package);
    check(pipe2(go, O_CLOEXEC), "pipe2");
    check(pipe2(out, O_CLOEXEC), "pipe2");
    struct clone_args request = {
        .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                 CLONE_NEWNET,
        .exit_signal = SIGCHLD,
    };
    int child = check(syscall(SYS_clone3, &request, sizeof request), "clone3");
    if (child == 0)
        become(go[0], out[1], root, package, rules, program, code);
    close(out[1]);
    char map[64];
    snprintf(map, sizeof map, "%d %u 1", INSIDE, geteuid() == 0 ? OUTSIDE : geteuid());
    if (geteuid() != 0)
        write_file("/proc/%d/setgroups", child, "deny");
    write_file("/proc/%d/gid_map", child, map);
    write_file("/proc/%d/uid_map", child, map);
    check(write(go[1], "g", 1), "go");
    char byte;
    check(read(out[0], &byte, 1) - 1, "the program's first byte");
    double took = now_us() - begun;
    close(out[0]), close(go[0]), close(go[1]), close(root), close(package), close(rules);
    int status;
    check(waitpid(child, &status, 0), "waitpid");
    return took;
}

int main(int count, char **arguments) {
    if (count != 4)
        return 2;
    struct sock_fprog code = {.len = make_filter(), .filter = filter};
    int program = sealed(arguments[1]);
    for (int round = atoi(arguments[3]); round > 0; round--)
        printf("%.1f\n", once(program, arguments[2], &code));
    return 0;
}
