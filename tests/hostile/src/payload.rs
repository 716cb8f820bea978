//! The smallest program that tells that it runs: an ELF file, made byte by byte.

use crate::VERDICT;

/// A program that says that the attack called `name` succeeded, and ends.
#[must_use]
pub fn program(name: &str) -> Vec<u8> {
    let message = format!("{VERDICT} {name} succeeded: executed\n");
    let length = u32::try_from(message.len()).unwrap_or(0).to_le_bytes();
    let mut code = Vec::new();
    code.extend([0xb8, 1, 0, 0, 0]); // mov eax, 1 (write)
    code.extend([0xbf, 1, 0, 0, 0]); // mov edi, 1
    code.extend([0x48, 0x8d, 0x35, 16, 0, 0, 0]); // lea rsi, [rip + 16]: the message
    code.push(0xba); // mov edx, length
    code.extend(length);
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0xb8, 231, 0, 0, 0]); // mov eax, 231 (exit_group)
    code.extend([0x31, 0xff]); // xor edi, edi
    code.extend([0x0f, 0x05]); // syscall
    code.extend(message.bytes());
    let bytes = HEADERS_BYTES + code.len() as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend(2_u16.to_le_bytes()); // An executable,
    file.extend(62_u16.to_le_bytes()); // for x86-64,
    file.extend(1_u32.to_le_bytes()); // version 1,
    file.extend((ADDRESS + HEADERS_BYTES).to_le_bytes()); // begins after the headers,
    file.extend(64_u64.to_le_bytes()); // whose program header is here,
    file.extend([0; 12]); // with no sections and no flags.
    for size in [64_u16, 56, 1, 0, 0, 0] {
        file.extend(size.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes()); // Load this,
    file.extend(5_u32.to_le_bytes()); // readable and executable,
    for place in [0, ADDRESS, ADDRESS, bytes, bytes, 0x1000] {
        file.extend(place.to_le_bytes());
    }
    file.extend(code);
    file
}

const ADDRESS: u64 = 0x40_0000;
const HEADERS_BYTES: u64 = 64 + 56;
