//! What is wrong with pickles.

use proto::Code;
use proto::link::scan::{Confidence, Severity};

use crate::scan::check::Check;

pub(super) const ALL: &[&Check] =
    &[&IMPORT, &CALL, &STATE, &PERSISTENT, &OPCODE, &NESTED, &APPENDED, &BOMB, &STORAGE];

const fn check(id: &'static str, severity: Severity, explanation: &'static str, fix: &'static str) -> Check {
    Check { id, code: Code::ContentUnsafe, severity, confidence: Confidence::High, explanation, fix }
}

const SAFETENSORS: &str = "ask the publisher for safetensors, or for a file with nothing but tensors";

pub(super) const IMPORT: Check = check(
    "pickle.import",
    Severity::High,
    "Unpickling imports something that is not on the list of what tensors and plain values need. An import alone can run code.",
    SAFETENSORS,
);

pub(super) const CALL: Check = check(
    "pickle.call",
    Severity::Critical,
    "Unpickling calls something that is not on the list of what tensors and plain values need, or with arguments that are not.",
    SAFETENSORS,
);

pub(super) const STATE: Check = check(
    "pickle.state",
    Severity::High,
    "Unpickling sets the state or the items of something that is not on the list, which calls its methods.",
    SAFETENSORS,
);

pub(super) const PERSISTENT: Check = check(
    "pickle.persistent",
    Severity::High,
    "The pickle refers to an object outside of it in a way that tensors do not. What it becomes depends on who loads it.",
    SAFETENSORS,
);

pub(super) const OPCODE: Check = check(
    "pickle.opcode",
    Severity::High,
    "The pickle uses an opcode that tensors and plain values do not need: extension codes, buffers from outside, or old ways to make objects.",
    SAFETENSORS,
);

pub(super) const NESTED: Check = check(
    "pickle.nested",
    Severity::High,
    "Bytes or a text in the pickle are a pickle themselves, which would be refused as a file. Whoever unpickles them runs it.",
    SAFETENSORS,
);

pub(super) const APPENDED: Check = check(
    "pickle.appended",
    Severity::High,
    "After the pickle's end there is another. Loaders that read on run it.",
    "cut the file at its end, and ask its publisher what the rest is for",
);

pub(super) const BOMB: Check = check(
    "pickle.bomb",
    Severity::High,
    "The pickle builds something small that takes very long to use: tuples that share their parts, as keys.",
    "refuse the file",
);

pub(super) const STORAGE: Check = check(
    "torch.storage",
    Severity::High,
    "Tensors and the bytes that are stored for them do not fit together: bytes that no tensor uses, or tensors whose bytes are not there.",
    "save the file anew",
);
