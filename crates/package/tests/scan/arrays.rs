//! Arrays of NumPy and joblib, and files that hold nothing but tensors.

use crate::build::{call, deflated, evil, gzip, import, npy, part, pickle, text, zip};
use crate::{Case, missed, one, refusals};

fn case(name: &'static str, bytes: Vec<u8>, check: &'static str, names: &'static str) -> Case {
    Case { name, bytes, check, names }
}

#[test]
fn arrays_of_objects_are_examined_as_pickles() {
    let cases = [
        case("a.npy", npy("'|O'", "(1,)", &evil()), "pickle.call", "os.system"),
        case("a.npy", npy("'O'", "()", &evil()), "pickle.call", "os.system"),
        case("a.npy", npy("[('a', '<f4'), ('b', '|O')]", "(1,)", &evil()), "pickle.call", "os.system"),
        case("a.npz", zip(&[part("a.npy", &npy("'|O'", "(1,)", &evil()))]), "pickle.call", "os.system"),
        case("a.npz", zip(&[deflated("a.npy", &npy("'|O'", "(1,)", &evil()))]), "pickle.call", "os.system"),
        case("a.npy.gz", gzip(&npy("'|O'", "(1,)", &evil())), "pickle.call", "os.system"),
        // Its header says numbers, and a pickle follows them.
        case("a.npy", npy("'<f4'", "(1,)", &[&[0; 4][..], &evil()].concat()), "pickle.call", "os.system"),
        case("a.npy", npy("'<f4'", "(0,)", &evil()), "format.trailing", "follow"),
        case("a.npy", npy("'<f4'", "(3,)", &[0; 8]), "format.malformed", "ends"),
        case("a.npy", npy("__import__('os')", "(3,)", &[0; 8]), "format.malformed", "header"),
        case("a.npy", npy("'<f4'", "(4611686018427387904, 4)", &[]), "format.malformed", "header"),
        case("a.npy", b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "format.malformed", "version"),
        case("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f".to_vec(), "scan.ceiling", "header"),
    ];
    assert_eq!(missed(&cases), "");
    assert_eq!(refusals(&one("a.npy", &npy("'|O'", "(1,)", &pickle(4, b"]N0")))), [""; 0]);
}

/// joblib's wrapper of an array with that many elements, and what follows it.
fn joblib(elements: u8, behind: &[u8]) -> Vec<u8> {
    let dtype = [import("numpy", "dtype"), text("u1"), b"\x85R".to_vec()].concat();
    let body = [
        import("joblib.numpy_pickle", "NumpyArrayWrapper"),
        b")\x81}(".to_vec(),
        text("subclass"),
        import("numpy", "ndarray"),
        text("shape"),
        vec![b'K', elements, 0x85],
        text("order"),
        text("C"),
        text("dtype"),
        dtype,
        text("allow_mmap"),
        b"\x89ub".to_vec(),
        behind.to_vec(),
    ];
    pickle(4, &body.concat())
}

#[test]
fn what_joblib_writes_between_opcodes_is_passed_over_and_hides_nothing() {
    assert_eq!(refusals(&one("a.joblib", &joblib(7, &[1; 7]))), [""; 0]);
    let act = call(&import("os", "system"), "id");
    let length = u8::try_from(act.len()).unwrap();
    let cases = [
        // After the array, where joblib goes on.
        case("a.joblib", joblib(7, &[&[1; 7][..], &act].concat()), "pickle.call", "os.system"),
        // As the array, where Python's own loader goes on.
        case("a.pkl", joblib(length, &act), "pickle.nested", "os.system"),
        case("a.joblib", joblib(200, b"N"), "format.malformed", "ends"),
    ];
    assert_eq!(missed(&cases), "");
}

#[test]
fn tensors_with_something_behind_them_are_refused() {
    let header = br#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#;
    let header = [&header[..], &b" ".repeat(64 - header.len())].concat();
    let good = [&(header.len() as u64).to_le_bytes()[..], &header, &[1, 2]].concat();
    assert_eq!(refusals(&one("a.safetensors", &good)), [""; 0]);
    let cases = [
        case("a.safetensors", [&good[..], &evil()].concat(), "format.malformed", ""),
        case("a.safetensors", good[..good.len() - 1].to_vec(), "format.malformed", ""),
        case("a.bin", good.clone(), "kind.mismatch", "safetensors"),
        case("a.gguf", b"GGUF\x03\0\0\0\xff\xff\xff\xff".to_vec(), "format.malformed", ""),
        case("a.json", br#"{"a":1,"a":2}"#.to_vec(), "format.malformed", "JSON"),
        case("a.json", b"[".repeat(100_000), "format.malformed", "JSON"),
        case("a.txt", b"a\x1b]0;x\x07".to_vec(), "format.malformed", "control"),
        case("a.txt", b"\xff\xfe".to_vec(), "format.malformed", "text"),
        case("a.so", b"\x7fELF\x02\x01\x01\0".to_vec(), "foreign.program", "Linux"),
        case("a.sh", b"#!/bin/sh\nid\n".to_vec(), "foreign.program", "script"),
        case("a.pt", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "foreign.archive", "7z"),
        case("a.pkl.xz", b"\xfd7zXZ\0\0\x04".to_vec(), "foreign.archive", "xz"),
        case("a.joblib", b"BZh91AY&SY".to_vec(), "foreign.archive", "bzip2"),
        case("a.pkl.zst", b"\x28\xb5\x2f\xfd\0".to_vec(), "foreign.archive", "Zstandard"),
        case("a.pkl.lz4", b"\x04\x22\x4d\x18\0".to_vec(), "foreign.archive", "LZ4"),
    ];
    assert_eq!(missed(&cases), "");
}
