//! The producers' own counts, as a reader of the ledger follows them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::record::Entry;
use crate::tampering::Tampering;

/// The producer that is the auditor itself: what it says of another explains a gap.
pub const AUDITOR: &str = "auditor";

/// Most names of producers: there are fewer processes than this.
const PRODUCERS_MAX: usize = 256;

/// Where each producer's count stands.
#[derive(Debug, Default)]
pub(crate) struct Sequences(BTreeMap<String, Count>);

#[derive(Debug, Default)]
struct Count {
    records: u64,
    last: Option<u64>,
    may_jump: bool,
}

impl Sequences {
    /// Checks the next record's number. A producer's count starts at 0 on each new link; it jumps
    /// only where the auditor recorded why: records that it refused are counted as if they were
    /// there, and after a breach of the link's rules the count may go on further ahead.
    pub(crate) fn follow(&mut self, entry: &Entry) -> Result<(), Tampering> {
        let count = self.producer(&entry.producer, entry.index)?;
        let expected = count.last.map_or(0, |last| last.saturating_add(1));
        let jumps = count.may_jump && entry.seq > expected;
        if entry.seq != expected && entry.seq != 0 && !jumps {
            let (producer, found) = (entry.producer.clone(), entry.seq);
            return Err(Tampering::Sequence { index: entry.index, producer, expected, found });
        }
        *count = Count { records: count.records + 1, last: Some(entry.seq), may_jump: false };
        if entry.producer == AUDITOR
            && matches!(entry.event.as_str(), "link_violated" | "ledger_fault")
            && let Ok(Named { process: Some(process), refused_through }) = serde_json::from_str(&entry.data)
        {
            let count = self.producer(&process, entry.index)?;
            match refused_through {
                Some(through) => count.last = Some(through),
                None => count.may_jump = true,
            }
        }
        Ok(())
    }

    /// Records of each producer.
    pub(crate) fn totals(self) -> BTreeMap<String, u64> {
        self.0
            .into_iter()
            .filter(|(_, count)| count.records > 0)
            .map(|(name, count)| (name, count.records))
            .collect()
    }

    fn producer(&mut self, name: &str, index: u64) -> Result<&mut Count, Tampering> {
        if self.0.len() >= PRODUCERS_MAX && !self.0.contains_key(name) {
            return Err(Tampering::Producers { index });
        }
        Ok(self.0.entry(name.to_owned()).or_default())
    }
}

#[derive(Deserialize)]
struct Named {
    process: Option<String>,
    refused_through: Option<u64>,
}
