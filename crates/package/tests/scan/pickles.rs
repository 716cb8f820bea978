//! Pickles that import, call, hide or break: each found, by its own check, and named.

use crate::build::{call, evil, global, gzip, import, pickle, storage, tensor, text, torch, zlib};
use crate::{Case, missed};

fn case(name: &'static str, bytes: Vec<u8>, check: &'static str, names: &'static str) -> Case {
    Case { name, bytes, check, names }
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn calls_of_what_is_not_on_the_list_are_found_in_every_protocol() {
    let mut cases = Vec::new();
    for (module, name) in CALLED {
        let new = pickle(4, &call(&import(module, name), "id"));
        let old = joined(&[&global(module, name), b"(S'id'\ntR."]);
        cases.push(case("model.pkl", new.clone(), "pickle.call", name));
        cases.push(case("model.pkl", old.clone(), "pickle.call", name));
        cases.push(case("pytorch_model.bin", torch(&old, &[]), "pickle.call", name));
        cases.push(case("model.joblib", zlib(&new), "pickle.import", name));
    }
    assert!(cases.len() > 250);
    assert_eq!(missed(&cases), "");
}

/// Every way to call something, and to say what.
#[test]
fn every_way_to_call_and_to_name_is_seen_through() {
    let system = import("os", "system");
    let id = text("id");
    let cases = [
        // The names come from the memo.
        pickle(4, &joined(&[&text("os"), b"\x94", &text("system"), b"\x9400h\x00h\x01\x93", &id, b"\x85R"])),
        pickle(
            2,
            &joined(&[b"X\x02\0\0\0osq\x07X\x06\0\0\0systemq\x0100h\x07h\x01\x93", b"X\x02\0\0\0id\x85R"]),
        ),
        joined(&[b"Vos\np1\n0Vsystem\np2\n0g1\ng2\n\x93(Vid\ntR."]),
        // The names have escapes.
        joined(&[b"Vo\\u0073\nVsy\\u0073tem\n\x93(Vid\ntR."]),
        joined(&[b"S'o\\x73'\nS'system'\n\x93(Vid\ntR."]),
        // Other opcodes that call.
        joined(&[b"(S'id'\nios\nsystem\n."]),
        joined(&[b"(cos\nsystem\nS'id'\no."]),
        pickle(4, &joined(&[&system, &id, b"\x85\x81"])),
        pickle(4, &joined(&[&system, &id, b"\x85}\x92"])),
        // The call is under something harmless, and its result is thrown away.
        pickle(4, &joined(&[&system, &id, b"\x85R0}"])),
        pickle(4, &joined(&[b"(", &system, &id, b"\x85R1]"])),
        pickle(4, &joined(&[b"]", &system, &id, b"\x85Ra"])),
        pickle(4, &joined(&[b"}", &id, &system, &id, b"\x85Rs"])),
        // In a frame, and in two.
        pickle(4, &joined(&[b"\x95\x14\0\0\0\0\0\0\0", &system, &id, b"\x85R"])),
        // DUP, LONG_BINPUT and friends between.
        pickle(4, &joined(&[&system, b"20r\x05\0\0\0j\x05\0\0\0", &id, b"\x85R0"])),
        // Other texts for the same names.
        pickle(4, &joined(&[b"X\x02\0\0\0os\x8d\x06\0\0\0\0\0\0\0system\x93", &id, b"\x85R"])),
        pickle(3, &joined(&[b"U\x02osT\x06\0\0\0system\x93", &id, b"\x85R"])),
        // A second protocol in the middle.
        pickle(2, &joined(&[b"\x80\x04", &system, &id, b"\x85R"])),
        // A dotted name of an innocent module.
        pickle(4, &call(&import("collections", "abc.sys.modules.os.system"), "id")),
    ];
    let named = |bytes: &Vec<u8>| case("weights.pt", bytes.clone(), "pickle.call", "system");
    assert_eq!(missed(&cases.iter().map(named).collect::<Vec<_>>()), "");
}

#[test]
fn what_the_list_allows_is_refused_where_it_is_misused() {
    let list = |body: &[u8]| pickle(4, body);
    let dtype = |kind: &str| joined(&[&import("numpy", "dtype"), &text(kind), b"\x85R"]);
    let scalar = import("numpy.core.multiarray", "scalar");
    let rebuild = import("torch._tensor", "_rebuild_from_type_v2");
    let cases = [
        // Too large before a byte is there.
        case(
            "a.pkl",
            list(&joined(&[&global("builtins", "bytearray"), b"J\xff\xff\xff\x7f\x85R"])),
            "pickle.call",
            "bytearray",
        ),
        case(
            "a.pkl",
            list(&joined(&[&global("builtins", "list"), b"J\xff\xff\xff\x7f\x85R"])),
            "pickle.call",
            "list",
        ),
        // Another encoding decompresses.
        case(
            "a.pkl",
            list(&joined(&[&global("_codecs", "encode"), &text("x"), &text("zlib"), b"\x86R"])),
            "pickle.call",
            "encode",
        ),
        // Bytes of an object scalar would be unpickled.
        case("a.pkl", list(&joined(&[&scalar, &dtype("O"), b"C\x01x\x86R"])), "pickle.call", "scalar"),
        case(
            "a.pkl",
            list(&joined(&[&scalar, &dtype("V4"), b"0C\x01xC\x01x\x86R"])),
            "pickle.call",
            "scalar",
        ),
        // A tensor made by something else.
        case(
            "a.pkl",
            list(&joined(&[
                b"(",
                &rebuild,
                b"(",
                &import("os", "system"),
                &import("torch", "Tensor"),
                &text("id"),
                b"\x85NtR1N",
            ])),
            "pickle.call",
            "_rebuild_from_type_v2",
        ),
    ];
    assert_eq!(missed(&cases), "");
}

#[test]
fn state_items_and_references_are_refused_where_tensors_have_none() {
    let list = |body: &[u8]| pickle(4, body);
    let object = joined(&[&global("collections", "OrderedDict"), b")R"]);
    let cases = [
        // State for what takes none.
        case("a.pkl", list(&joined(&[&import("torch", "Tensor"), b"}b"])), "pickle.state", "torch.Tensor"),
        case("a.pkl", list(&joined(&[&object, b"N}\x86b"])), "pickle.state", "OrderedDict"),
        case("a.pkl", list(&joined(&[&import("os", "environ"), b"}b"])), "pickle.state", "os.environ"),
        // Items for what takes none.
        case(
            "a.pkl",
            list(&joined(&[&import("sys", "path"), &text("/tmp"), b"a"])),
            "pickle.state",
            "append",
        ),
        case(
            "a.pkl",
            list(&joined(&[&import("os", "environ"), &text("A"), &text("B"), b"s"])),
            "pickle.state",
            "items",
        ),
        case("a.pkl", list(&joined(&[b"}(", &text("A"), b"\x90"])), "pickle.state", "no set"),
        // A missing value that is made by something else.
        case(
            "a.pkl",
            list(&joined(&[&import("collections", "defaultdict"), &import("os", "getcwd"), b"\x85R"])),
            "pickle.call",
            "defaultdict",
        ),
        // A call of what a call gave.
        case("a.pkl", list(&joined(&[&object, b")R"])), "pickle.call", "no import"),
        // Old ways to make what is on the list.
        case("a.pkl", b"(icollections\nOrderedDict\n.".to_vec(), "pickle.opcode", "first protocols"),
        // References to what is not there.
        case("a.pkl", list(&joined(&[&text("x"), b"Q"])), "pickle.persistent", "outside"),
        case("a.pkl", b"Px\n.".to_vec(), "pickle.persistent", "outside"),
        case(
            "a.pt",
            torch(&pickle(2, &joined(&[&text("module"), b"\x85Q"])), &[]),
            "pickle.persistent",
            "outside",
        ),
        case("a.pkl", list(b"\x82\x01"), "pickle.opcode", "extension"),
        case("a.pkl", list(b"\x83\x01\x01"), "pickle.opcode", "extension"),
        case("a.pkl", list(b"\x84\x01\x01\0\0"), "pickle.opcode", "extension"),
        case("a.pkl", list(b"\x97\x98"), "pickle.opcode", "buffer"),
        // A name that only comes to be when it runs.
        case("a.pkl", list(b"NN\x93"), "pickle.import", "not in the file"),
    ];
    assert_eq!(missed(&cases), "");
}

/// Tuples that share their parts are small, and take for ever to hash.
#[test]
fn a_key_that_takes_for_ever_is_found() {
    let mut body = vec![b'}'];
    let mut last = b")\x94".to_vec();
    for place in 0..40_u8 {
        last.extend([b'0', b'h', place, b'h', place, 0x86, 0x94]);
    }
    body.extend(&last);
    body.extend(b"Ns");
    let cases = [case("a.pkl", pickle(4, &body), "pickle.bomb", "hash")];
    assert_eq!(missed(&cases), "");
}

#[test]
fn a_stream_that_acts_before_it_breaks_is_found() {
    let act = call(&import("os", "system"), "id");
    let broken: [&[u8]; 8] = [
        b"",
        b"0000000.",
        b"\xff.",
        b"h\x63.",
        b"X\xff\xff\xff\xff.",
        b"t.",
        b"c",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
    ];
    let mut cases = Vec::new();
    for end in broken {
        let bytes = joined(&[b"\x80\x04", &act, end]);
        cases.push(case("model.pkl", bytes.clone(), "pickle.call", "os.system"));
        cases.push(case("model.pkl", bytes.clone(), "format.malformed", ""));
        cases.push(case("model.pt", torch(&bytes, &[]), "pickle.call", "os.system"));
    }
    assert_eq!(missed(&cases), "");
}

#[test]
fn what_is_hidden_around_a_pickle_is_found() {
    let harmless = pickle(4, b"}");
    let cases = [
        // After its end, and after several.
        case("a.pkl", joined(&[&harmless, &evil()]), "pickle.appended", "os.system"),
        case("a.pkl", joined(&[&harmless, &harmless, &evil()]), "pickle.call", "os.system"),
        case("a.pkl", joined(&[&harmless, b"\0\0\0\0"]), "format.trailing", "follow"),
        case("a.pkl", joined(&[&harmless, b"cos\nsystem\n(S'id'\ntR."]), "pickle.appended", "os.system"),
        // Within it.
        case(
            "a.pkl",
            pickle(4, &joined(&[b"C", &[u8::try_from(evil().len()).unwrap()], &evil()])),
            "pickle.nested",
            "os.system",
        ),
        case(
            "a.pkl",
            pickle(4, &joined(&[b"\x96", &(evil().len() as u64).to_le_bytes(), &evil()])),
            "pickle.nested",
            "os.system",
        ),
        case("a.pkl", pickle(4, &text("cos\nsystem\n(S'id'\ntR.")), "pickle.nested", "os.system"),
        case("a.pkl", b"S'cos\\nsystem\\n(S\\'id\\'\\ntR.'\n.".to_vec(), "pickle.nested", "os.system"),
        // Under another name.
        case("README.md", b"cos\nsystem\n(S'id'\ntR.".to_vec(), "kind.mismatch", "os.system"),
        case("notes.txt", b"(S'id'\nios\nsystem\n.".to_vec(), "kind.mismatch", "os.system"),
        case("config.json", evil(), "pickle.call", "os.system"),
        case("model.safetensors", evil(), "kind.mismatch", "pickle"),
        case("model.gguf", evil(), "pickle.call", "os.system"),
        case("weights.npy", evil(), "kind.mismatch", "pickle"),
        case("weights", evil(), "pickle.call", "os.system"),
        case("weights.xyz", b"cos\nsystem\n(S'id'\ntR.".to_vec(), "kind.unknown", ""),
        // Compressed, once and twice.
        case("a.pkl.gz", gzip(&evil()), "pickle.call", "os.system"),
        case("a.joblib", zlib(&evil()), "pickle.call", "os.system"),
        case("a.pkl.gz", gzip(&gzip(&evil())), "pickle.call", "os.system"),
    ];
    assert_eq!(missed(&cases), "");
}

#[test]
fn the_row_of_pickles_before_torch_1_6_is_read_to_its_end() {
    let row = |object: &[u8], keys: &[u8], behind: &[u8]| {
        joined(&[
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
            b"\x80\x02M\xe9\x03.",
            b"\x80\x02}.",
            &pickle(2, object),
            &pickle(2, keys),
            behind,
        ])
    };
    let numbers = joined(&[&2_u64.to_le_bytes(), &[0; 8]]);
    let keys = joined(&[b"]", &text("7"), b"a"]);
    let good = row(&tensor("7", 2), &keys, &numbers);
    let report = crate::one("model.pt", &good);
    assert!(report.findings.is_empty(), "{}", crate::shown(&report.findings));
    let act = call(&import("os", "system"), "id");
    let cases = [
        case("m.pt", row(&act, &keys, &numbers), "pickle.call", "os.system"),
        case("m.pt", row(&tensor("7", 2), &act, &numbers), "pickle.call", "os.system"),
        case("m.pt", joined(&[&good, &evil()]), "format.trailing", "follow"),
        case("m.pt", joined(&[&good, &evil()]), "pickle.call", "os.system"),
        case("m.pt", row(&tensor("7", 2), &keys, &numbers[..12]), "format.malformed", "ends"),
        case("m.pt", row(&tensor("7", 3), &keys, &numbers), "format.malformed", "size"),
        case("m.pt", row(b"}", &keys, &numbers), "torch.storage", "no tensor uses"),
        case("m.pt", row(&storage("8", 2), b"]", b""), "torch.storage", "no bytes"),
    ];
    assert_eq!(missed(&cases), "");
}

/// What people call, by whatever name.
const CALLED: &[(&str, &str)] = &[
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("os", "popen"),
    ("os", "execv"),
    ("os", "unlink"),
    ("subprocess", "Popen"),
    ("subprocess", "check_output"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("__builtin__", "eval"),
    ("builtins", "compile"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("builtins", "map"),
    ("builtins", "type"),
    ("operator", "attrgetter"),
    ("operator", "methodcaller"),
    ("functools", "partial"),
    ("functools", "reduce"),
    ("runpy", "run_path"),
    ("runpy", "_run_code"),
    ("importlib", "import_module"),
    ("pip", "main"),
    ("pydoc", "pipepager"),
    ("timeit", "timeit"),
    ("pdb", "run"),
    ("bdb", "Bdb"),
    ("cProfile", "run"),
    ("doctest", "debug_script"),
    ("code", "interact"),
    ("pty", "spawn"),
    ("socket", "socket"),
    ("webbrowser", "open"),
    ("urllib.request", "urlretrieve"),
    ("http.client", "HTTPSConnection"),
    ("requests.api", "get"),
    ("shutil", "rmtree"),
    ("ctypes", "CDLL"),
    ("_pickle", "loads"),
    ("pickle", "loads"),
    ("dill", "loads"),
    ("cloudpickle.cloudpickle", "_fill_function"),
    ("dill._dill", "_create_function"),
    ("marshal", "loads"),
    ("types", "CodeType"),
    ("types", "FunctionType"),
    ("torch", "load"),
    ("torch.storage", "_load_from_bytes"),
    ("torch.hub", "load"),
    ("torch.jit", "load"),
    ("torch.utils.cpp_extension", "load_inline"),
    ("numpy", "load"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy.f2py.crackfortran", "getlincoef"),
    ("joblib", "load"),
    ("joblib.numpy_pickle", "NDArrayWrapper"),
    ("pandas.io.common", "get_handle"),
    ("copyreg", "_reconstructor"),
    ("weakref", "finalize"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("logging.config", "_resolve"),
    ("distutils.file_util", "write_file"),
    ("sklearn.ensemble._forest", "RandomForestClassifier"),
    ("__main__", "Model"),
    ("collections", "OrderedDict.__reduce__"),
    ("torch", "Tensor.__class__"),
];
