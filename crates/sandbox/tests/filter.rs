//! The compiled filters, run as the kernel runs them, against the tables that they were compiled from.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

extern crate stockade_sandbox as sandbox;

use proptest::prelude::*;
use sandbox::filter::{self, Condition, Fallback, Instruction, Profile, Rule, Verdict, assemble};

/// What a filter looks at: struct `seccomp_data`.
#[derive(Clone, Copy, Debug)]
struct Call {
    architecture: u32,
    number: u32,
    arguments: [u64; 6],
}

impl Call {
    /// The word at a byte's offset, as the kernel lays the structure out.
    fn word(&self, offset: u32) -> u32 {
        let half =
            |value: u64, high: bool| u32::try_from((value >> (32 * u32::from(high))) & 0xffff_ffff).unwrap();
        match offset {
            0 => self.number,
            4 => self.architecture,
            16..64 if offset.is_multiple_of(4) => {
                let at = (offset - 16) / 8;
                half(self.arguments[usize::try_from(at).unwrap()], offset % 8 == 4)
            }
            _ => panic!("the filter loads from {offset}"),
        }
    }
}

/// Runs a program of classic BPF. The kernel refuses one that jumps out of itself or does not end; so
/// does this.
fn run(program: &[Instruction], call: &Call) -> u32 {
    let (mut at, mut word) = (0_usize, 0_u32);
    loop {
        let Instruction { code, jump_true, jump_false, operand } = program[at];
        let skip = |holds: bool| usize::from(if holds { jump_true } else { jump_false });
        at += 1;
        match code {
            0x20 => word = call.word(operand),
            0x54 => word &= operand,
            0x05 => at += usize::try_from(operand).unwrap(),
            0x15 => at += skip(word == operand),
            0x35 => at += skip(word >= operand),
            0x06 => return operand,
            other => panic!("instruction {other:#x}"),
        }
    }
}

/// What the kernel should be told, by the profile's own table.
fn expected(profile: &Profile, call: &Call) -> u32 {
    const KILL: u32 = 0x8000_0000;
    const ERRNO: u32 = 0x0005_0000;
    const ALLOW: u32 = 0x7fff_0000;
    if call.architecture != X86_64 || call.number & 0x4000_0000 != 0 {
        return KILL;
    }
    match (profile.verdict(call.number, &call.arguments), profile.fallback) {
        (Some(Verdict::Allow), _) | (None, Fallback::Allow) => ALLOW,
        (Some(Verdict::Kill), _) | (None, Fallback::Kill) => KILL,
        (Some(Verdict::Errno(number)), _) => ERRNO | u32::from(number),
        (None, Fallback::Refuse) => ERRNO | 1,
    }
}

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;

/// Every argument list that decides something about this call: for each rule, one that meets all its
/// conditions, and each of those with a single bit turned.
fn telling(profile: &Profile, number: u32) -> Vec<[u64; 6]> {
    let mut lists = vec![[0; 6], [u64::MAX; 6]];
    for rule in profile.rules.iter().filter(|rule| rule.number == number) {
        for base in [0, u64::MAX] {
            let mut met = [base; 6];
            for Condition { argument, mask, equals } in rule.when {
                let value = &mut met[usize::from(*argument)];
                *value = *value & !mask | equals;
            }
            lists.push(met);
            for argument in 0..6 {
                lists.extend((0..64).map(|bit| {
                    let mut turned = met;
                    turned[argument] ^= 1 << bit;
                    turned
                }));
            }
        }
    }
    lists
}

#[test]
fn every_filter_decides_as_its_profile_says() {
    for profile in filter::all() {
        let program = assemble(profile);
        assert!(program.len() <= 4096, "{}: the kernel takes no more", profile.name);
        for number in 0..=600 {
            for arguments in telling(profile, number) {
                let call = Call { architecture: X86_64, number, arguments };
                assert_eq!(run(&program, &call), expected(profile, &call), "{}: {call:?}", profile.name);
            }
        }
    }
}

#[test]
fn calls_of_other_architectures_kill() {
    for profile in filter::all() {
        let program = assemble(profile);
        for number in (0..=600).chain([u32::MAX]) {
            for (architecture, number) in
                [(I386, number), (0, number), (X86_64, number | 0x4000_0000), (X86_64, number | 0x8000_0000)]
            {
                let call = Call { architecture, number, arguments: [0; 6] };
                let given = run(&program, &call);
                if call.number & 0x4000_0000 != 0 || architecture != X86_64 {
                    assert_eq!(given, 0x8000_0000, "{}: {call:?}", profile.name);
                } else {
                    assert_ne!(given, 0x7fff_0000, "{}: {call:?}", profile.name);
                }
            }
        }
    }
}

#[test]
fn no_filter_allows_memory_to_be_writable_and_executable_or_shared() {
    let mmap = u32::try_from(libc::SYS_mmap).unwrap();
    for profile in filter::all() {
        for protection in 0..16 {
            for flags in 0..0x40 {
                let [execute, write] = [4, 2].map(|bit| protection & bit != 0);
                let [private, shared, anonymous] = [flags & 0xf == 2, flags & 0xf == 1, flags & 0x20 != 0];
                let allowed =
                    profile.verdict(mmap, &[0, 4096, protection, flags, 0, 0]) == Some(Verdict::Allow);
                let may = !execute && (private || shared && !anonymous && !write);
                assert!(may || !allowed, "{}: mmap({protection}, {flags:#x})", profile.name);
            }
        }
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    let mask = prop_oneof![Just(u64::MAX), Just(0xffff_ffff), Just(0xffff_ffff_0000_0000), 1..u64::MAX];
    (0..6_u8, mask, any::<u64>()).prop_map(|(argument, mask, equals)| Condition {
        argument,
        mask,
        equals: equals & mask,
    })
}

fn rule() -> impl Strategy<Value = (u32, Verdict, Vec<Condition>)> {
    let verdict =
        prop_oneof![Just(Verdict::Allow), Just(Verdict::Kill), (1..4096_u16).prop_map(Verdict::Errno)];
    (0..600_u32, verdict, prop::collection::vec(condition(), 0..3))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Profiles that nobody wrote: long ones too, whose search needs far jumps.
    #[test]
    fn any_profile_is_compiled_to_what_it_says(
        rules in prop::collection::vec(rule(), 0..300),
        fallback in prop_oneof![Just(Fallback::Refuse), Just(Fallback::Kill), Just(Fallback::Allow)],
        noise in any::<[u64; 6]>(),
    ) {
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|(number, verdict, when)| Rule { call: "any", number, verdict, when: when.leak() })
            .collect();
        let profile = Profile { name: "any", fallback, rules: rules.leak() };
        let program = assemble(&profile);
        for number in 0..=600 {
            let met = profile.rules.iter().filter(|rule| rule.number == number).map(|rule| {
                let mut arguments = noise;
                for Condition { argument, mask, equals } in rule.when {
                    let value = &mut arguments[usize::from(*argument)];
                    *value = *value & !mask | equals;
                }
                arguments
            });
            for arguments in met.chain([noise]) {
                let call = Call { architecture: X86_64, number, arguments };
                prop_assert_eq!(run(&program, &call), expected(&profile, &call));
            }
        }
    }
}
