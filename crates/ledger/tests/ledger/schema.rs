//! Every event against the schema: which fields, in which order, and none that must never be there.

use ledger::schema::{self, Class};
use ledger::{Body, Entry, Record};
use proto::event::{
    AttemptDenied, Event, LedgerFault, Lifecycle, LinkViolated, PackageExamined, ProcessEnded,
    ProcessStarted, RequestAdmitted, RequestDenied, RequestEnded,
};
use proto::posture::{ControlStatus, Status};
use proto::{Blame, Code, Digest, KeyedDigest, ModelName, PackageDigest, RequestId, WorkerId};

/// Text that would break what writes JSON by hand, if anything does.
const ODD: &str = "a\"b\\c\n\t\r\u{0}\u{1f}\u{7f}\u{9b}\u{2028}é🦀";

fn events() -> Vec<Event> {
    let odd = || ODD.to_owned();
    let package = PackageDigest(Digest::from_bytes([1; 32]));
    let controls = vec![
        ControlStatus { control: odd(), status: Status::Enforced },
        ControlStatus { control: odd(), status: Status::Degraded { missing: odd() } },
        ControlStatus { control: odd(), status: Status::Absent { why: odd() } },
    ];
    vec![
        Event::Lifecycle(Lifecycle { phase: odd(), version: odd() }),
        Event::PackageExamined(PackageExamined {
            package: Some(package),
            signer: None,
            refused: Some(Code::SignatureInvalid),
            purpose: odd(),
        }),
        Event::ProcessStarted(ProcessStarted {
            process: odd(),
            worker: Some(WorkerId(u64::MAX)),
            package: None,
            controls,
        }),
        Event::ProcessEnded(ProcessEnded {
            process: odd(),
            worker: None,
            cause: odd(),
            status: i32::MIN,
            blame: Some(Blame::Package),
        }),
        Event::RequestAdmitted(RequestAdmitted {
            request: RequestId(1),
            principal: odd(),
            model: ModelName::parse("demo").unwrap(),
            package,
            route: odd(),
            prompt: KeyedDigest([2; 32]),
            prompt_bytes: u64::MAX,
            stream: true,
        }),
        Event::RequestEnded(RequestEnded {
            request: RequestId(1),
            failed: None,
            finish: odd(),
            output: KeyedDigest([3; 32]),
            output_bytes: 0,
            prompt_tokens: u32::MAX,
            output_tokens: 0,
            first_token_us: None,
            wall_us: 1,
        }),
        Event::RequestDenied(RequestDenied { principal: None, route: odd(), code: Code::InvalidApiKey }),
        Event::AttemptDenied(AttemptDenied {
            process: odd(),
            worker: None,
            channel: odd(),
            target: odd(),
            count: 1,
        }),
        Event::LinkViolated(LinkViolated { process: odd(), worker: None, rule: odd() }),
        Event::LedgerFault(LedgerFault { fault: odd(), process: None, refused: Some((1, 2)), why: odd() }),
    ]
}

#[test]
fn every_event_is_written_with_exactly_the_fields_of_its_schema_in_order() {
    let mut seen = Vec::new();
    for event in events() {
        let body = Body::new(&event).unwrap();
        let record = Record { index: 0, time_us: 0, nonce: [0; 16], producer: "p", seq: 0, body: &body };
        let entry = Entry::parse(&record.encode().unwrap()).unwrap();
        let fields = schema::event(&entry.event).unwrap().fields;
        let data: serde_json::Value = serde_json::from_str(&entry.data).unwrap();
        let written = data.as_object().unwrap();
        let allowed: Vec<&str> =
            fields.iter().filter(|field| field.class != Class::Never).map(|field| field.name).collect();
        assert_eq!(written.len(), allowed.len(), "{}", entry.event);
        let places: Vec<usize> =
            allowed.iter().map(|name| entry.data.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{}", entry.event);
        for field in fields.iter().filter(|field| field.class == Class::Hmac) {
            assert_eq!(data[field.name].as_str().unwrap().len(), 64);
        }
        seen.push(entry.event);
    }
    let known: Vec<&str> = schema::EVENTS.iter().map(|event| event.name).collect();
    assert_eq!(seen, known, "an event has no example here");
}

#[test]
fn odd_text_comes_back_and_nothing_of_it_reaches_a_terminal_raw() {
    for event in events() {
        let body = Body::new(&event).unwrap();
        let record = Record { index: 0, time_us: 0, nonce: [0; 16], producer: ODD, seq: 0, body: &body };
        let text = String::from_utf8(record.encode().unwrap()).unwrap();
        assert!(!text.chars().any(|letter| letter.is_control() || letter == '\u{2028}'));
        let entry = Entry::parse(text.as_bytes()).unwrap();
        assert_eq!(entry.producer, ODD);
    }
}

#[test]
fn an_event_that_no_record_has_room_for_is_refused() {
    let fits = |letters: usize| {
        let event = Lifecycle { phase: "x".repeat(letters), version: String::new() };
        Body::new(&Event::Lifecycle(event)).is_ok()
    };
    assert!(fits(59_000));
    assert!(!fits(61_000));
    // Six bytes of JSON each.
    let phase = "\u{1}".repeat(11_000);
    assert!(Body::new(&Event::Lifecycle(Lifecycle { phase, version: String::new() })).is_err());
}

#[test]
fn the_reference_lists_every_field_under_its_class() {
    let reference = include_str!("../../../../docs/reference/ledger.md");
    for event in schema::EVENTS {
        let names = |class: Class| {
            let fields = event.fields.iter().filter(|field| field.class == class);
            let names: Vec<String> = fields.map(|field| format!("`{}`", field.name)).collect();
            if names.is_empty() { " ".to_owned() } else { format!(" {} ", names.join(" ")) }
        };
        let classes = [Class::Public, Class::Internal, Class::Hmac, Class::Never].map(names);
        let row = format!("| `{}` |{}|", event.name, classes.join("|"));
        assert!(reference.contains(&row), "docs/reference/ledger.md has no row {row}");
    }
}
