//! Archives that lie, hide, lead out or explode.

use crate::build::{Part, deflated, evil, gzip, part, pickle, storage, tar, tensor, torch, zip, zip_with};
use crate::{Case, missed, one, refusals, shown};

fn case(name: &'static str, bytes: Vec<u8>, check: &'static str, names: &'static str) -> Case {
    Case { name, bytes, check, names }
}

fn text() -> Part {
    part("a.txt", b"text\n")
}

#[test]
fn archives_that_are_as_they_should_be_are_accepted() {
    let descriptor = |signed: &[u8]| {
        let bytes = b"text\n";
        let size = 5_u32.to_le_bytes();
        let crc = crc32fast::hash(bytes).to_le_bytes();
        let descriptor = [signed, &crc[..], &size, &size].concat();
        zip(&[Part { flags: 8, descriptor, ..text() }, part("b.txt", b"b")])
    };
    for (name, bytes) in [
        ("a.zip", zip(&[])),
        ("a.zip", zip(&[text(), deflated("b/c.txt", &[b'x'; 5000]), part("b/", b"")])),
        ("a.zip", descriptor(b"PK\x07\x08")),
        ("a.zip", descriptor(b"")),
        ("a.zip", zip(&[Part { extra: b"FB\x03\0ZZZ".to_vec(), ..text() }])),
        ("a.pt", torch(&pickle(2, &tensor("0", 2)), &[("0", &[0; 8])])),
        ("a.tar", tar(&[("./a.txt", b'0', b"text\n"), ("b", b'5', b"")])),
        ("a.txt.gz", gzip(b"text\n")),
        ("a.tar.gz", gzip(&tar(&[("a.txt", b'0', b"text\n")]))),
    ] {
        let report = one(name, &bytes);
        assert!(report.findings.is_empty(), "{name}:{}", shown(&report.findings));
    }
}

#[test]
fn archives_that_lie_are_found() {
    let cases = [
        case(
            "a.zip",
            zip(&[Part { local_name: Some(b"b.txt".to_vec()), ..text() }]),
            "zip.disagreement",
            "name",
        ),
        case("a.zip", zip(&[Part { local_flags: Some(1), ..text() }]), "zip.disagreement", "flags"),
        case("a.zip", zip(&[Part { size: Some(4), ..text() }]), "zip.disagreement", "sizes"),
        case(
            "a.zip",
            zip(&[Part { size: Some(4), ..deflated("a.txt", b"text\n") }]),
            "zip.disagreement",
            "inflates",
        ),
        case("a.zip", zip(&[Part { crc: Some(7), ..text() }]), "zip.checksum", "checksum"),
        case(
            "a.zip",
            zip(&[Part { crc: Some(7), ..deflated("a.txt", b"text\n") }]),
            "zip.checksum",
            "checksum",
        ),
        case(
            "a.zip",
            zip(&[Part { flags: 8, descriptor: vec![0; 16], ..text() }]),
            "zip.disagreement",
            "behind",
        ),
        case("a.zip", zip(&[Part { flags: 1, ..text() }]), "zip.encrypted", "encrypted"),
        case("a.zip", zip(&[Part { flags: 1 << 6, ..text() }]), "zip.encrypted", "encrypted"),
        case("a.zip", zip(&[Part { flags: 1 << 5, ..text() }]), "zip.method", "flags"),
        case("a.zip", zip(&[Part { method: 12, ..text() }]), "zip.method", "method 12"),
        case("a.zip", zip(&[Part { method: 93, ..text() }]), "zip.method", "method 93"),
        case("a.zip", zip(&[text(), text()]), "zip.duplicate", "name"),
        case("a.zip", zip(&[text(), part("A.TXT", b"b")]), "zip.duplicate", "name"),
    ];
    assert_eq!(missed(&cases), "");
}

#[test]
fn archives_that_hide_something_or_lead_out_are_found() {
    let named = |name: &str| zip(&[part(name, b"text\n")]);
    let good = zip(&[text(), part("b.txt", b"b")]);
    let cases = [
        case("a.zip", zip(&[Part { before: b"hidden".to_vec(), ..text() }]), "zip.structure", "behind"),
        case(
            "a.zip",
            zip(&[text(), Part { before: evil(), ..part("b.txt", b"b") }]),
            "zip.structure",
            "nobody",
        ),
        case("a.zip", zip_with(&[text()], &evil(), b""), "zip.structure", "directory"),
        case("a.zip", zip_with(&[text()], b"", b"a comment"), "zip.comment", "comment"),
        case("a.zip", zip_with(&[text()], b"", &zip(&[text()])), "zip.structure", "more than one"),
        case("a.zip", zip(&[Part { comment: b"x".to_vec(), ..text() }]), "zip.comment", "comment"),
        case("a.zip", [&good[..], &evil()].concat(), "format.trailing", "follow"),
        case("a.zip", [&good[..], &evil()].concat(), "pickle.call", "os.system"),
        case("a.zip", [&b"#!/bin/sh\n"[..], &good].concat(), "kind.mismatch", "zip"),
        case("a.zip", good[..good.len() - 8].to_vec(), "format.malformed", "end"),
        case("a.zip", zip(&[Part { attributes: 0o120_777 << 16, ..text() }]), "zip.link", "link"),
        case("a.zip", zip(&[Part { attributes: 0o060_666 << 16, ..text() }]), "zip.link", "device"),
        case("a.zip", zip(&[Part { extra: b"up\x02\0xx".to_vec(), ..text() }]), "zip.extra", "0x7075"),
        case("a.zip", zip(&[Part { extra: b"FB\x03\0evl".to_vec(), ..text() }]), "zip.extra", "padding"),
        case("a.zip", zip(&[Part { extra: b"FB\xff\0".to_vec(), ..text() }]), "zip.extra", "cut"),
        case("a.zip", named("../a.txt"), "zip.name", "out of"),
        case("a.zip", named("/etc/cron.d/a.txt"), "zip.name", "absolute"),
        case("a.zip", named("a\\..\\b.txt"), "zip.name", "backslash"),
        case("a.zip", named("c:/a.txt"), "zip.name", "absolute"),
        case("a.zip", named("a\u{202e}txt.txt"), "zip.name", "show"),
        case("a.zip", named("a//b.txt"), "zip.name", "out of"),
        case("a.zip", zip(&[part("a.bin", &evil())]), "pickle.call", "os.system"),
        case("a.npz", zip(&[deflated("a.npy", &evil())]), "pickle.call", "os.system"),
        case("a.zip", zip(&[part("b.zip", &zip(&[deflated("c.pkl", &evil())]))]), "pickle.call", "os.system"),
        case("a.zip", zip(&[deflated("b.zip", &zip(&[part("c.pkl", &evil())]))]), "pickle.call", "os.system"),
        case("a.zip", zip(&[part("b.7z", b"7z\xbc\xaf\x27\x1c\0\x04")]), "foreign.archive", "7z"),
        case("a.zip", zip(&[part("b.rar", b"Rar!\x1a\x07\0")]), "foreign.archive", "RAR"),
        case("a.zip", zip(&[part("run.exe", b"\x7fELF\x02\x01\x01")]), "foreign.program", "Linux"),
        case("a.zip", zip(&[part("a.weird", b"?")]), "kind.unknown", "no kind"),
    ];
    assert_eq!(missed(&cases), "");
}

/// Two members that share bytes: each is small, together they are not what the file holds.
#[test]
fn members_that_share_bytes_are_found() {
    let mut bytes = zip(&[text(), part("b.txt", b"text\n")]);
    let second = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    bytes[second + 42..second + 46].fill(0);
    assert_eq!(missed(&[case("a.zip", bytes, "zip.structure", "another")]), "");
}

#[test]
fn what_explodes_is_stopped() {
    let zeros = vec![0_u8; 40 << 20];
    let mut nested = b"text\n".to_vec();
    for _ in 0..12 {
        nested = gzip(&nested);
    }
    let cases = [
        case("a.zip", zip(&[deflated("a.npy", &zeros)]), "scan.ceiling", "bomb"),
        case("a.txt.gz", gzip(&zeros), "scan.ceiling", "bomb"),
        case("a.gz", nested, "scan.ceiling", "within one another"),
    ];
    assert_eq!(missed(&cases), "");
}

#[test]
fn tars_that_lie_are_found() {
    let file = |name| tar(&[(name, b'0', b"text\n")]);
    let good = file("a.txt");
    let mut broken = good.clone();
    broken[0] = b'b';
    let mut padding = good.clone();
    padding[600] = 1;
    let cases = [
        case("a.tar", file("../a.txt"), "tar.name", "out of"),
        case("a.tar", file("/a.txt"), "tar.name", "absolute"),
        case("a.tar", tar(&[("a", b'2', b"")]), "tar.link", "link"),
        case("a.tar", tar(&[("a", b'1', b"")]), "tar.link", "link"),
        case("a.tar", tar(&[("a", b'3', b"")]), "tar.link", "device"),
        case("a.tar", tar(&[("a", b'S', b"")]), "format.unsupported", "kind"),
        case("a.tar", tar(&[("a.txt", b'0', b"a"), ("a.txt", b'0', b"b")]), "tar.duplicate", "name"),
        case(
            "a.tar",
            tar(&[("x", b'x', b"18 path=../../a.b\n"), ("a.txt", b'0', b"a")]),
            "tar.name",
            "out of",
        ),
        case(
            "a.tar",
            tar(&[("x", b'x', b"11 size=99\n"), ("a.txt", b'0', b"a")]),
            "format.malformed",
            "size",
        ),
        case("a.tar", tar(&[("l", b'L', b"../../a.txt\0"), ("a.txt", b'0', b"a")]), "tar.name", "out of"),
        case("a.tar", padding, "format.malformed", "padding"),
        case("a.tar", broken, "kind.mismatch", "tar"),
        case("a.tar", [&good[..], &evil()].concat(), "format.trailing", "follow"),
        case("a.tar", good[..good.len() - 700].to_vec(), "format.malformed", "ends"),
        case("a.tar", tar(&[("a.pkl", b'0', &evil())]), "pickle.call", "os.system"),
        case(
            "a.pt",
            tar(&[("sys_info", b'0', &pickle(2, b"}")), ("pickle", b'0', &evil())]),
            "pickle.call",
            "os.system",
        ),
        case("a.pt", tar(&[("storages", b'0', &evil())]), "pickle.call", "os.system"),
    ];
    assert_eq!(missed(&cases), "");
}

#[test]
fn tensors_and_their_bytes_have_to_fit_together() {
    let one_tensor = pickle(2, &tensor("0", 2));
    let cases = [
        case("a.pt", torch(&one_tensor, &[]), "torch.storage", "no bytes"),
        case("a.pt", torch(&one_tensor, &[("0", &[0; 7])]), "torch.storage", "7 bytes"),
        case("a.pt", torch(&one_tensor, &[("0", &[0; 8]), ("1", &evil())]), "pickle.call", "os.system"),
        case("a.pt", torch(&one_tensor, &[("0", &[0; 8]), ("1", b"??")]), "kind.unknown", "no kind"),
        case(
            "a.pt",
            torch(&[&one_tensor[..], &evil()].concat(), &[("0", &[0; 8])]),
            "pickle.appended",
            "os.system",
        ),
        case("a.pt", torch(&pickle(2, &storage("0", 200)), &[("0", &[0; 8])]), "torch.storage", "8 bytes"),
        case(
            "a.pt",
            zip(&[part("x/data.pkl", &one_tensor), part("x/data/0", &[0; 8]), part("y/data.pkl", &evil())]),
            "pickle.call",
            "os.system",
        ),
        case(
            "a.pt",
            zip(&[
                part("x/data.pkl", &one_tensor),
                part("x/data/0", &[0; 8]),
                part("x/version", b"import os"),
            ]),
            "format.malformed",
            "PyTorch",
        ),
        case("a.pt", zip(&[Part { flags: 1, ..part("x/data.pkl", &evil()) }]), "pickle.call", "os.system"),
        case(
            "a.pt",
            zip(&[Part { crc: Some(1), ..part("x/data.pkl", &evil()) }]),
            "pickle.call",
            "os.system",
        ),
        case("a.pt", zip(&[part("data.pkl", &evil())]), "pickle.call", "os.system"),
    ];
    assert_eq!(missed(&cases), "");
    assert_eq!(refusals(&one("a.pt", &torch(&one_tensor, &[("0", &[0; 8])]))), [""; 0]);
}
