//! What this host can enforce.

use proto::link::operator::{FromSupervisor, HostReport, ToSupervisor};
use proto::posture::ControlStatus;
use serde_json::json;

use crate::arguments::{Accepted, Common};
use crate::config::Config;
use crate::controls;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{Output, Paint};
use crate::plan;
use crate::progress::Progress;
use crate::supervisor::{Supervisor, unexpected};
use crate::text::harmless;

/// Starts a jail, probes it, and says what was found. The status says whether Stockade would start.
pub(crate) fn doctor(arguments: &Accepted, common: &Common, output: Output) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let accepted = plan::accepted(&arguments.controls, &config)?;
    let host = ask(output)?;
    let columns: [(&str, &[ControlStatus]); 1] = [("found", &host.controls)];
    let missing = controls::missing(&columns);
    let refusing: Vec<&str> =
        missing.iter().copied().filter(|name| !accepted.iter().any(|one| one == name)).collect();
    if output.json() {
        let hints: Vec<_> =
            host.hints.iter().map(|(control, hint)| json!({"control": control, "hint": hint})).collect();
        output.value(&json!({
            "privilege": host.privilege, "kernel": host.kernel, "controls": host.controls,
            "hints": hints, "accepted": accepted, "refusing": refusing,
        }));
    } else {
        output.line(&format!("Linux {}, {}", harmless(&host.kernel), harmless(&host.privilege)));
        output.line("");
        output.lines(&controls::table(&columns, output));
        output.lines(&hints(&host.hints, output));
        output.line("");
        output.line(&verdict(&missing, &refusing, output));
    }
    Ok(if refusing.is_empty() { Exit::Done } else { Exit::HostRefused })
}

/// What to change, controls with the same remedy in one line.
fn hints(hints: &[(String, String)], output: Output) -> Vec<String> {
    let mut remedies: Vec<(&str, Vec<&str>)> = Vec::new();
    for (control, remedy) in hints {
        match remedies.iter_mut().find(|(known, _)| known == remedy) {
            Some((_, controls)) => controls.push(control),
            None => remedies.push((remedy, vec![control])),
        }
    }
    let hint = output.paint("hint:", Paint::Faint);
    let line = |(remedy, controls): (&str, Vec<&str>)| {
        format!("{hint} {}: {}", controls.join(", "), harmless(remedy))
    };
    remedies.into_iter().map(line).collect()
}

fn verdict(missing: &[&str], refusing: &[&str], output: Output) -> String {
    if !refusing.is_empty() {
        let flag = flag(refusing);
        let text = format!("Stockade would refuse to start here. To run with less protection, add: {flag}");
        return output.paint(&text, Paint::Bad);
    }
    if missing.is_empty() {
        return output.paint("Every control is enforced.", Paint::Good);
    }
    output.paint(&format!("Stockade starts here, without: {}", missing.join(", ")), Paint::Warning)
}

/// The flag that accepts these controls as they are.
pub(crate) fn flag(controls: &[&str]) -> String {
    format!("--accept-degraded {}", controls.join(","))
}

fn ask(output: Output) -> Result<HostReport> {
    let mut supervisor = Supervisor::start()?;
    supervisor.send(&ToSupervisor::Doctor, &[])?;
    let mut progress = Progress::new(output);
    loop {
        match supervisor.next()? {
            FromSupervisor::Progress { stage, done, all } => progress.show(&stage, done, all),
            FromSupervisor::Host(report) => return Ok(report),
            _ => return Err(unexpected()),
        }
    }
}
