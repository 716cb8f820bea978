//! Why a GGUF file is refused.

use proto::Code;

use super::{ALIGNMENT_MAX, HEADER_BYTES_MAX};

/// Why a GGUF file is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GgufError {
    /// It does not begin with `GGUF`.
    #[error("file does not begin with `GGUF`")]
    Magic,
    /// It has a version that is not supported, or is big-endian.
    #[error("GGUF version {found} is not supported")]
    Version {
        /// The version.
        found: u32,
    },
    /// It ends within its header.
    #[error("GGUF file ends within its header")]
    Truncated,
    /// Metadata and tensor list together pass their ceiling.
    #[error("GGUF header has more than {HEADER_BYTES_MAX} bytes")]
    HeaderTooLarge,
    /// It announces more of something than its ceiling.
    #[error("GGUF file announces {found} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: u64,
    },
    /// A text is not UTF-8.
    #[error("GGUF file has a text that is not UTF-8")]
    NotUtf8,
    /// A key or a tensor's name is empty, too long, or has control characters.
    #[error("GGUF file has a name that is empty, too long, or has control characters")]
    Name,
    /// A metadata value has a type that does not exist, or an array within an array.
    #[error("metadata {key:?} has a value of a type that is not allowed")]
    ValueType {
        /// The entry.
        key: String,
    },
    /// A truth value is neither 0 nor 1.
    #[error("GGUF file has a truth value that is neither 0 nor 1")]
    NotBool,
    /// A metadata key stands twice.
    #[error("metadata {key:?} stands twice")]
    DuplicateKey {
        /// The entry.
        key: String,
    },
    /// The alignment is no power of two from 8 to its ceiling, or not a `u32`.
    #[error("`general.alignment` is no power of two from 8 to {ALIGNMENT_MAX}")]
    Alignment,
    /// A tensor's name stands twice.
    #[error("tensor {name:?} stands twice")]
    DuplicateTensor {
        /// The tensor.
        name: String,
    },
    /// A tensor has no, too many, or too large dimensions, or no whole number of blocks in a row.
    #[error("tensor {name:?} has dimensions that are not allowed")]
    Shape {
        /// The tensor.
        name: String,
    },
    /// A tensor has a type that is not supported.
    #[error("tensor {name:?} has the type {id}, which is not supported")]
    Dtype {
        /// The tensor.
        name: String,
        /// The type's number.
        id: u32,
    },
    /// A tensor does not begin where the one before it ends.
    #[error("tensor {name:?} does not begin where the one before it ends")]
    NotContiguous {
        /// The tensor.
        name: String,
    },
    /// A tensor ends behind the file's end.
    #[error("tensor {name:?} ends behind the end of the file")]
    OutsideFile {
        /// The tensor.
        name: String,
    },
    /// Bytes follow the last tensor.
    #[error("tensors end at byte {found}, the file has {expected}")]
    WrongEnd {
        /// Where the tensors end.
        found: usize,
        /// Where the file ends.
        expected: usize,
    },
    /// Bytes between tensors are not zero.
    #[error("padding between tensors is not zero")]
    Padding,
}

impl GgufError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        match self {
            Self::Version { .. } | Self::Dtype { .. } => Code::FormatUnsupported,
            _ => Code::FormatInvalid,
        }
    }
}
