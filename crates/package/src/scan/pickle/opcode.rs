//! The opcodes of pickle, protocols 0 to 5, and what follows each.

/// What follows an opcode in the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Argument {
    /// Nothing.
    None,
    /// That many bytes.
    Bytes(u8),
    /// A length of that many bytes, little-endian, then as many bytes.
    Counted(u8),
    /// A line.
    Line,
    /// Two lines.
    Lines,
}

/// What follows an opcode; nothing for a byte that is none.
pub(super) const fn argument(opcode: u8) -> Option<Argument> {
    Some(match opcode {
        b'(' | b'.' | b'0' | b'1' | b'2' | b'N' | b'Q' | b'R' | b'a' | b'b' | b'd' | b'}' | b'e' | b'l'
        | b']' | b'o' | b's' | b't' | b')' | b'u' | NEWOBJ | TUPLE1 | TUPLE2 | TUPLE3 | NEWTRUE
        | NEWFALSE | EMPTY_SET | ADDITEMS | FROZENSET | NEWOBJ_EX | STACK_GLOBAL | MEMOIZE | NEXT_BUFFER
        | READONLY_BUFFER => Argument::None,
        b'K' | b'h' | b'q' | PROTO | EXT1 => Argument::Bytes(1),
        b'M' | EXT2 => Argument::Bytes(2),
        b'J' | b'j' | b'r' | EXT4 => Argument::Bytes(4),
        b'G' | FRAME => Argument::Bytes(8),
        b'U' | b'C' | SHORT_BINUNICODE | LONG1 => Argument::Counted(1),
        b'T' | b'X' | b'B' | LONG4 => Argument::Counted(4),
        BINUNICODE8 | BINBYTES8 | BYTEARRAY8 => Argument::Counted(8),
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'p' => Argument::Line,
        b'c' | b'i' => Argument::Lines,
        _ => return None,
    })
}

pub(super) const PROTO: u8 = 0x80;
pub(super) const NEWOBJ: u8 = 0x81;
pub(super) const EXT1: u8 = 0x82;
pub(super) const EXT2: u8 = 0x83;
pub(super) const EXT4: u8 = 0x84;
pub(super) const TUPLE1: u8 = 0x85;
pub(super) const TUPLE2: u8 = 0x86;
pub(super) const TUPLE3: u8 = 0x87;
pub(super) const NEWTRUE: u8 = 0x88;
pub(super) const NEWFALSE: u8 = 0x89;
pub(super) const LONG1: u8 = 0x8a;
pub(super) const LONG4: u8 = 0x8b;
pub(super) const SHORT_BINUNICODE: u8 = 0x8c;
pub(super) const BINUNICODE8: u8 = 0x8d;
pub(super) const BINBYTES8: u8 = 0x8e;
pub(super) const EMPTY_SET: u8 = 0x8f;
pub(super) const ADDITEMS: u8 = 0x90;
pub(super) const FROZENSET: u8 = 0x91;
pub(super) const NEWOBJ_EX: u8 = 0x92;
pub(super) const STACK_GLOBAL: u8 = 0x93;
pub(super) const MEMOIZE: u8 = 0x94;
pub(super) const FRAME: u8 = 0x95;
pub(super) const BYTEARRAY8: u8 = 0x96;
pub(super) const NEXT_BUFFER: u8 = 0x97;
pub(super) const READONLY_BUFFER: u8 = 0x98;
