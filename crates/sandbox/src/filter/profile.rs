//! What a profile says: a default, and rules about single calls.

/// A profile: what one process may ask of the kernel.
#[derive(Debug)]
pub struct Profile {
    /// Its name: the process, or the process and its phase.
    pub name: &'static str,
    /// What happens to a call without a rule.
    pub fallback: Fallback,
    /// The rules, sorted by call number. Several rules of one call are alternatives.
    pub rules: &'static [Rule],
}

/// What happens to a call that no rule allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fallback {
    /// It fails with EPERM, and is logged.
    Refuse,
    /// It kills the process, and is logged.
    Kill,
    /// It is allowed. Only for filters that add to another one.
    Allow,
}

/// One rule about one call.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The call's name.
    pub call: &'static str,
    /// The call's number on this architecture.
    pub number: u32,
    /// What happens when every condition holds.
    pub verdict: Verdict,
    /// Conditions on the arguments: all must hold. None: the rule holds always.
    pub when: &'static [Condition],
}

/// What a rule says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The call runs.
    Allow,
    /// The call fails with this error number.
    Errno(u16),
    /// The process is killed.
    Kill,
}

/// Holds when `argument & mask == equals`. Arguments that are pointers can't be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// Which argument, 0 to 5.
    pub argument: u8,
    /// Which bits are compared.
    pub mask: u64,
    /// What they must be.
    pub equals: u64,
}

impl Profile {
    /// Whether the process is known to ask for this call and be refused: the profile names an error
    /// for it. Such a denial is no sign of an attack.
    #[must_use]
    pub fn expects(&self, call: &str) -> bool {
        self.rules.iter().any(|rule| rule.call == call && matches!(rule.verdict, Verdict::Errno(_)))
    }

    /// Whether a call with these arguments is allowed: the profile read as a table, to compare the
    /// compiled filter with.
    #[must_use]
    pub fn verdict(&self, number: u32, arguments: &[u64; 6]) -> Option<Verdict> {
        self.rules
            .iter()
            .filter(|rule| rule.number == number)
            .find(|rule| rule.when.iter().all(|condition| condition.holds(arguments)))
            .map(|rule| rule.verdict)
    }
}

impl Condition {
    /// Whether the condition holds for these arguments.
    #[must_use]
    pub fn holds(&self, arguments: &[u64; 6]) -> bool {
        arguments.get(usize::from(self.argument)).is_some_and(|value| value & self.mask == self.equals)
    }
}
