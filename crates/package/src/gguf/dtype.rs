//! The tensor types of GGUF that are supported.

macro_rules! types {
    ($($name:ident = $id:literal, $text:literal, $elements:literal, $bytes:literal;)+) => {
        /// The type of a tensor's blocks.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, non_camel_case_types, reason = "the variants are the format's own names")]
        pub enum GgmlType {
            $($name,)+
        }

        impl GgmlType {
            /// Every type that is supported.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The type of that number in the file.
            pub const fn from_id(id: u32) -> Option<Self> {
                match id {
                    $($id => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its number in the file.
            pub const fn id(self) -> u32 {
                match self {
                    $(Self::$name => $id,)+
                }
            }

            /// The format's name for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Numbers in one block.
            pub const fn block_elements(self) -> usize {
                match self {
                    $(Self::$name => $elements,)+
                }
            }

            /// Bytes of one block.
            pub const fn block_bytes(self) -> usize {
                match self {
                    $(Self::$name => $bytes,)+
                }
            }
        }
    };
}

types! {
    F32 = 0, "F32", 1, 4;
    F16 = 1, "F16", 1, 2;
    Q4_0 = 2, "Q4_0", 32, 18;
    Q4_1 = 3, "Q4_1", 32, 20;
    Q5_0 = 6, "Q5_0", 32, 22;
    Q5_1 = 7, "Q5_1", 32, 24;
    Q8_0 = 8, "Q8_0", 32, 34;
    Q8_1 = 9, "Q8_1", 32, 36;
    Q2_K = 10, "Q2_K", 256, 84;
    Q3_K = 11, "Q3_K", 256, 110;
    Q4_K = 12, "Q4_K", 256, 144;
    Q5_K = 13, "Q5_K", 256, 176;
    Q6_K = 14, "Q6_K", 256, 210;
    Q8_K = 15, "Q8_K", 256, 292;
    BF16 = 30, "BF16", 1, 2;
}
