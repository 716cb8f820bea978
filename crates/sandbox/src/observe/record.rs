//! One record of the kernel's audit log, as text: `audit(…): … pid=7 comm="worker" … syscall=41 …`.
//!
//! The process chooses its name and its program's, but the kernel writes them quoted or as hexadecimal
//! digits, so they hold neither spaces nor quotes and can't pass for another field.

use super::call;

/// What one record says.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Record {
    /// The process, as the host counts.
    pub(super) pid: i32,
    /// The call's name.
    pub(super) call: String,
    /// Whether the call ended the process, or the thread that made it.
    pub(super) killed: bool,
}

/// Reads a record; `None` when it lacks a field, has one twice, or is larger than any that the kernel
/// writes.
pub(super) fn parse(bytes: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(bytes.get(..bytes.len().min(TEXT_BYTES_MAX + 1))?).ok()?;
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = text.trim_end_matches('\0');
    let field = |name: &str| {
        let mut found = text.split(' ').filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.next().filter(|_| found.next().is_none())
    };
    let action = u32::from_str_radix(field("code")?.strip_prefix("0x")?, 16).ok()? & ACTION_MASK;
    let architecture = u32::from_str_radix(field("arch")?, 16).ok()?;
    Some(Record {
        pid: field("pid")?.parse().ok().filter(|pid| *pid > 0)?,
        call: call::name(architecture, field("syscall")?.parse().ok()?),
        killed: [KILL_PROCESS, KILL_THREAD].contains(&action),
    })
}

/// Longest text: `MAX_AUDIT_MESSAGE_LENGTH` in linux/audit.h.
const TEXT_BYTES_MAX: usize = 8970;

// What a filter returned, as in linux/seccomp.h.
const ACTION_MASK: u32 = 0xffff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const KILL_THREAD: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "audit(1795612910.667:2): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=16997 \
        comm=\"python3\" exe=\"/usr/bin/python3.11\" sig=0 arch=c000003e syscall=41 compat=0 \
        ip=0x7f917cb1f829 code=0x50000";

    fn read(text: &str) -> Option<Record> {
        parse(text.as_bytes())
    }

    fn record(pid: i32, call: &str, killed: bool) -> Record {
        Record { pid, call: call.to_owned(), killed }
    }

    #[test]
    fn a_refused_call_is_read() {
        assert_eq!(read(REFUSED), Some(record(16997, "socket", false)));
    }

    #[test]
    fn a_killed_process_is_told_from_a_refused_call() {
        let killed = REFUSED.replace("sig=0", "sig=31").replace("0x50000", "0x80000000");
        assert_eq!(read(&killed), Some(record(16997, "socket", true)));
        let foreign = killed.replace("arch=c000003e syscall=41", "arch=40000003 syscall=20");
        assert_eq!(read(&foreign), Some(record(16997, "i386:20", true)));
    }

    #[test]
    fn a_process_cannot_write_a_field_of_its_own() {
        // Where a name has a space or a quote, the kernel writes hexadecimal digits.
        let hexadecimal = REFUSED.replace("\"python3\"", "61207069643D31");
        assert_eq!(read(&hexadecimal), Some(record(16997, "socket", false)));
        assert_eq!(read(&format!("{REFUSED} pid=1")), None);
    }

    #[test]
    fn a_record_that_is_cut_or_swollen_is_refused() {
        for end in 0..REFUSED.len() - "code=0x50000".len() {
            assert_eq!(read(&REFUSED[..end]), None, "{end} bytes");
        }
        assert_eq!(read(&format!("{REFUSED} {}", "x".repeat(TEXT_BYTES_MAX))), None);
        assert_eq!(parse(&[0xff; 64]), None);
        assert_eq!(read(&REFUSED.replace("pid=16997", "pid=-1")), None);
        assert_eq!(read(&REFUSED.replace("syscall=41", "syscall=99999999999999999999")), None);
    }
}
