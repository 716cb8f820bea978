//! Every rule of safetensors, broken one at a time.
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use stockade_package::safetensors::{DIMENSIONS_MAX, HEADER_BYTES_MAX, SafetensorsError, SafetensorsIndex};

/// A file with this header and so many bytes of numbers.
fn file(header: &str, numbers: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + numbers, 0);
    bytes
}

fn tensor(name: &str, dtype: &str, shape: &str, from: u64, to: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}"#)
}

fn refused(header: &str, numbers: usize) -> SafetensorsError {
    SafetensorsIndex::parse(&file(header, numbers)).expect_err(header)
}

#[test]
fn a_well_formed_file_says_what_it_holds() {
    let header = format!(
        r#"{{"__metadata__":{{"format":"pt"}},{},{}}}  "#,
        tensor("b", "F32", "[2,3]", 8, 32),
        tensor("a", "BF16", "[4]", 0, 8)
    );
    let bytes = file(&header, 32);
    let index = SafetensorsIndex::parse(&bytes).unwrap();
    let names: Vec<_> = index.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(index.get("b").unwrap().bytes(&bytes).len(), 24);
    assert_eq!(index.get("b").unwrap().elements(), 6);
    // A single number has no dimensions.
    SafetensorsIndex::parse(&file(&format!("{{{}}}", tensor("one", "F32", "[]", 0, 4)), 4)).unwrap();
}

#[test]
fn every_byte_belongs_to_the_header_or_to_one_tensor() {
    let two = |second: String| format!("{{{},{second}}}", tensor("a", "U8", "[4]", 0, 4));
    for (header, numbers) in [
        (two(tensor("b", "U8", "[4]", 2, 6)), 6),               // overlap
        (two(tensor("b", "U8", "[4]", 0, 4)), 4),               // the same bytes twice
        (two(tensor("b", "U8", "[4]", 6, 10)), 10),             // a hole
        (two(tensor("b", "U8", "[4]", 4, 8)), 7),               // behind the end
        (two(tensor("b", "U8", "[4]", 8, 4)), 8),               // backwards
        (format!("{{{}}}", tensor("a", "U8", "[4]", 1, 5)), 5), // a hole before the first
        (two(tensor("b", "U8", "[4]", u64::MAX - 3, u64::MAX)), 8),
    ] {
        assert!(matches!(refused(&header, numbers), SafetensorsError::NotContiguous { .. }), "{header}");
    }
    let trailing = refused(&format!("{{{}}}", tensor("a", "U8", "[4]", 0, 4)), 5);
    assert!(matches!(trailing, SafetensorsError::WrongEnd { .. }));
    assert!(matches!(refused("{}", 1), SafetensorsError::WrongEnd { .. }));
}

#[test]
fn sizes_follow_from_type_and_dimensions_and_cannot_overflow() {
    for shape in ["[0]", "[4,0]", "[18446744073709551615,2]", "[4294967296,4294967296]"] {
        let found = refused(&format!("{{{}}}", tensor("a", "F32", shape, 0, 16)), 16);
        assert!(matches!(found, SafetensorsError::Shape { .. }), "{shape}");
    }
    let short = refused(&format!("{{{}}}", tensor("a", "F32", "[4]", 0, 15)), 15);
    assert!(matches!(short, SafetensorsError::WrongSize { found: 15, expected: 16, .. }));
    for dtype in ["F4", "f32", "", "C64"] {
        let found = refused(&format!("{{{}}}", tensor("a", dtype, "[4]", 0, 16)), 16);
        assert!(matches!(found, SafetensorsError::Dtype { .. }), "{dtype}");
    }
}

#[test]
fn a_header_is_one_object_without_anything_twice_or_unknown() {
    let plain = tensor("a", "U8", "[1]", 0, 1);
    let deep = format!("[{}1{}]", "[".repeat(200), "]".repeat(200));
    let many = format!("[{}]", ["1"; DIMENSIONS_MAX + 1].join(","));
    for header in [
        format!("{{{plain},{plain}}}"),
        format!(r#"{{{plain},"\u0061":{{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}}}"#),
        format!(r#"{{"__metadata__":{{}},"__metadata__":{{}},{plain}}}"#),
        format!(r#"{{"__metadata__":{{"x":"1","x":"2"}},{plain}}}"#),
        format!(r#"{{"__metadata__":{{"x":1}},{plain}}}"#),
        format!(r#"{{"__metadata__":[],{plain}}}"#),
        format!("{{{plain}}} {{}}"),
        format!("{{{plain}}}\0"),
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"extra\":1}}".to_owned(),
        "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}".to_owned(),
        "{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}".to_owned(),
        format!("{{{}}}", tensor("a", "U8", "[-1]", 0, 1)),
        format!("{{{}}}", tensor("a", "U8", "[1.0]", 0, 1)),
        format!("{{{}}}", tensor("a", "U8", &deep, 0, 1)),
        format!("{{{}}}", tensor("a", "U8", &many, 0, 1)),
        format!("{{{}}}", tensor("", "U8", "[1]", 0, 1)),
        format!("{{{}}}", tensor("a\\n", "U8", "[1]", 0, 1)),
        format!("{{{}}}", tensor(&"a".repeat(257), "U8", "[1]", 0, 1)),
        format!(r#"{{"__metadata__":{{"x":"{}"}},{plain}}}"#, "y".repeat(1024 * 1024)),
    ] {
        let found = refused(&header, 1);
        assert!(matches!(found, SafetensorsError::Header(_)), "{}", &header[..header.len().min(120)]);
    }
    for header in ["[]", " {}", "", "null"] {
        assert!(matches!(refused(header, 0), SafetensorsError::HeaderNotObject), "{header:?}");
    }
}

#[test]
fn an_announced_header_is_compared_with_what_is_there() {
    for bytes in [vec![], vec![1, 0, 0], 100_u64.to_le_bytes().to_vec()] {
        assert!(matches!(SafetensorsIndex::parse(&bytes), Err(SafetensorsError::Truncated)));
    }
    for announced in [HEADER_BYTES_MAX as u64 + 1, u64::MAX, 1 << 63] {
        let mut bytes = announced.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        assert!(matches!(SafetensorsIndex::parse(&bytes), Err(SafetensorsError::HeaderTooLarge { .. })));
    }
}
