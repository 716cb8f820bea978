//! How each event is written into a record.

use proto::event::{
    AttemptDenied, Event, LedgerFault, Lifecycle, LinkViolated, PackageExamined, ProcessEnded,
    ProcessStarted, RequestAdmitted, RequestDenied, RequestEnded,
};
use proto::posture::{ControlStatus, Status};
use proto::{Blame, Code, WorkerId};

use crate::json::{Object, string};

/// The event's name in the record.
pub(crate) const fn name(event: &Event) -> &'static str {
    match event {
        Event::Lifecycle(_) => "lifecycle",
        Event::PackageExamined(_) => "package_examined",
        Event::ProcessStarted(_) => "process_started",
        Event::ProcessEnded(_) => "process_ended",
        Event::RequestAdmitted(_) => "request_admitted",
        Event::RequestEnded(_) => "request_ended",
        Event::RequestDenied(_) => "request_denied",
        Event::AttemptDenied(_) => "attempt_denied",
        Event::LinkViolated(_) => "link_violated",
        Event::LedgerFault(_) => "ledger_fault",
    }
}

/// Writes the event's fields.
pub(crate) fn write(event: &Event, data: &mut Object<'_>) {
    match event {
        Event::Lifecycle(event) => lifecycle(event, data),
        Event::PackageExamined(event) => package_examined(event, data),
        Event::ProcessStarted(event) => process_started(event, data),
        Event::ProcessEnded(event) => process_ended(event, data),
        Event::RequestAdmitted(event) => request_admitted(event, data),
        Event::RequestEnded(event) => request_ended(event, data),
        Event::RequestDenied(event) => request_denied(event, data),
        Event::AttemptDenied(event) => attempt_denied(event, data),
        Event::LinkViolated(event) => link_violated(event, data),
        Event::LedgerFault(event) => ledger_fault(event, data),
    }
}

fn lifecycle(event: &Lifecycle, data: &mut Object<'_>) {
    data.text("phase", &event.phase);
    data.text("version", &event.version);
}

fn package_examined(event: &PackageExamined, data: &mut Object<'_>) {
    data.optional_text("package", event.package.map(|package| package.to_string()).as_deref());
    data.optional_text("signer", event.signer.as_deref());
    data.optional_text("refused", event.refused.map(Code::as_str));
    data.text("purpose", &event.purpose);
}

fn process_started(event: &ProcessStarted, data: &mut Object<'_>) {
    data.text("process", &event.process);
    data.optional_number("worker", worker(event.worker));
    data.optional_text("package", event.package.map(|package| package.to_string()).as_deref());
    data.raw("controls", &controls(&event.controls));
}

fn process_ended(event: &ProcessEnded, data: &mut Object<'_>) {
    data.text("process", &event.process);
    data.optional_number("worker", worker(event.worker));
    data.text("cause", &event.cause);
    data.number("status", event.status);
    let blame = event.blame.map(|blame| match blame {
        Blame::Caller => "caller",
        Blame::Package => "package",
        Blame::Host => "host",
    });
    data.optional_text("blame", blame);
}

fn request_admitted(event: &RequestAdmitted, data: &mut Object<'_>) {
    data.number("request", event.request.0);
    data.text("principal", &event.principal);
    data.text("model", event.model.as_str());
    data.text("package", &event.package.to_string());
    data.text("route", &event.route);
    data.hex("prompt", &event.prompt.0);
    data.number("prompt_bytes", event.prompt_bytes);
    data.flag("stream", event.stream);
}

fn request_ended(event: &RequestEnded, data: &mut Object<'_>) {
    data.number("request", event.request.0);
    data.optional_text("failed", event.failed.map(Code::as_str));
    data.text("finish", &event.finish);
    data.hex("output", &event.output.0);
    data.number("output_bytes", event.output_bytes);
    data.number("prompt_tokens", event.prompt_tokens);
    data.number("output_tokens", event.output_tokens);
    data.optional_number("first_token_us", event.first_token_us);
    data.number("wall_us", event.wall_us);
}

fn request_denied(event: &RequestDenied, data: &mut Object<'_>) {
    data.optional_text("principal", event.principal.as_deref());
    data.text("route", &event.route);
    data.text("code", event.code.as_str());
}

fn attempt_denied(event: &AttemptDenied, data: &mut Object<'_>) {
    data.text("process", &event.process);
    data.optional_number("worker", worker(event.worker));
    data.text("channel", &event.channel);
    data.text("target", &event.target);
    data.number("count", event.count);
}

fn link_violated(event: &LinkViolated, data: &mut Object<'_>) {
    data.text("process", &event.process);
    data.optional_number("worker", worker(event.worker));
    data.text("rule", &event.rule);
}

fn ledger_fault(event: &LedgerFault, data: &mut Object<'_>) {
    data.text("fault", &event.fault);
    data.optional_text("process", event.process.as_deref());
    data.optional_number("refused_from", event.refused.map(|(from, _)| from));
    data.optional_number("refused_through", event.refused.map(|(_, through)| through));
    data.text("why", &event.why);
}

fn worker(worker: Option<WorkerId>) -> Option<u64> {
    worker.map(|worker| worker.0)
}

/// Controls as an array of small objects, each with the one detail that its status has.
fn controls(controls: &[ControlStatus]) -> String {
    let mut json = String::from("[");
    for (position, control) in controls.iter().enumerate() {
        let (status, detail) = match &control.status {
            Status::Enforced => ("enforced", None),
            Status::Degraded { missing } => ("degraded", Some(("missing", missing))),
            Status::Absent { why } => ("absent", Some(("why", why))),
        };
        json.push_str(if position == 0 { "{\"control\":" } else { ",{\"control\":" });
        string(&mut json, &control.control);
        json.push_str(",\"status\":");
        string(&mut json, status);
        if let Some((name, value)) = detail {
            json.push(',');
            string(&mut json, name);
            json.push(':');
            string(&mut json, value);
        }
        json.push('}');
    }
    json.push(']');
    json
}
