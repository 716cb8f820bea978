//! From a profile to the kernel's filter language: a binary search over the call numbers.
//!
//! The filter runs at every system call, so its length on the way to an answer is what counts: the
//! numbers are cut into intervals of one answer each, and the search halves them.

use super::profile::{Condition, Fallback, Profile, Rule, Verdict};

/// One instruction of classic BPF, laid out as the kernel reads it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// Instructions skipped when its test holds.
    pub jump_true: u8,
    /// Instructions skipped when its test fails.
    pub jump_false: u8,
    /// Its operand.
    pub operand: u32,
}

/// Compiles a profile. The first instructions refuse every other architecture's calls.
#[must_use]
pub fn assemble(profile: &Profile) -> Vec<Instruction> {
    let mut program = vec![
        load(OFFSET_ARCHITECTURE),
        branch(JUMP_EQUAL, ARCHITECTURE_X86_64, 1, 0),
        give(RETURN_KILL),
        load(OFFSET_NUMBER),
        // The x32 calls share the architecture's name but not its numbers.
        branch(JUMP_GREATER_EQUAL, X32_BIT, 0, 1),
        give(RETURN_KILL),
    ];
    program.extend(search(&intervals(profile)));
    program
}

/// An interval of call numbers from `start` to the next one's start, with one answer.
struct Interval {
    start: u32,
    answer: Vec<Instruction>,
}

/// Cuts the numbers into intervals with one answer each, neighbours with the same answer joined.
fn intervals(profile: &Profile) -> Vec<Interval> {
    let fallback = give(fallback_value(profile.fallback));
    let mut rules: Vec<&Rule> = profile.rules.iter().collect();
    rules.sort_by_key(|rule| rule.number);
    let mut list: Vec<Interval> = Vec::with_capacity(rules.len() * 2 + 1);
    let mut next = 0;
    for group in rules.chunk_by(|one, other| one.number == other.number) {
        let Some(number) = group.first().map(|rule| rule.number) else { continue };
        if number > next || list.is_empty() && number > 0 {
            push(&mut list, next, vec![fallback]);
        }
        push(&mut list, number, answer(group, fallback));
        next = number + 1;
    }
    push(&mut list, next, vec![fallback]);
    list
}

fn push(list: &mut Vec<Interval>, start: u32, answer: Vec<Instruction>) {
    if list.last().is_none_or(|last| last.answer != answer) {
        list.push(Interval { start, answer });
    }
}

/// The answer for one call: its alternatives in order, then the fallback.
fn answer(rules: &[&Rule], fallback: Instruction) -> Vec<Instruction> {
    let mut code = Vec::new();
    for rule in rules {
        let verdict = give(verdict_value(rule.verdict));
        let tests: Vec<Instruction> = rule.when.iter().flat_map(tests_of).collect();
        let length = tests.len();
        for (at, mut test) in tests.into_iter().enumerate() {
            if test.code == JUMP_EQUAL {
                // A failed test goes past the remaining tests and the verdict.
                test.jump_false = u8::try_from(length - at).unwrap_or(u8::MAX);
            }
            code.push(test);
        }
        code.push(verdict);
        if rule.when.is_empty() {
            return code;
        }
    }
    code.push(fallback);
    code
}

/// Both halves of a 64-bit argument under a mask. A half that the mask leaves out isn't tested.
fn tests_of(condition: &Condition) -> Vec<Instruction> {
    let low = OFFSET_ARGUMENTS + 8 * u32::from(condition.argument);
    [(low, condition.mask, condition.equals), (low + 4, condition.mask >> 32, condition.equals >> 32)]
        .into_iter()
        .map(|(offset, mask, equals)| (offset, low_half(mask), low_half(equals)))
        .filter(|(_, mask, _)| *mask != 0)
        .flat_map(|(offset, mask, equals)| [load(offset), and(mask), branch(JUMP_EQUAL, equals, 0, 0)])
        .collect()
}

fn low_half(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The search tree over the intervals, depth first, left before right.
fn search(list: &[Interval]) -> Vec<Instruction> {
    let (left, right) = list.split_at(list.len() / 2);
    let Some(middle) = right.first().filter(|_| !left.is_empty()) else {
        return list.first().map(|only| only.answer.clone()).unwrap_or_default();
    };
    let left_code = search(left);
    let right_code = search(right);
    let mut code = Vec::with_capacity(left_code.len() + right_code.len() + 2);
    if let Ok(skip) = u8::try_from(left_code.len()) {
        code.push(branch(JUMP_GREATER_EQUAL, middle.start, skip, 0));
    } else {
        // Conditional jumps reach 255 instructions; the unconditional one reaches all.
        code.push(branch(JUMP_GREATER_EQUAL, middle.start, 0, 1));
        code.push(branch(JUMP_ALWAYS, u32::try_from(left_code.len()).unwrap_or(u32::MAX), 0, 0));
    }
    code.extend(left_code);
    code.extend(right_code);
    code
}

fn fallback_value(fallback: Fallback) -> u32 {
    match fallback {
        Fallback::Refuse => RETURN_ERRNO | u32::from(EPERM),
        Fallback::Kill => RETURN_KILL,
        Fallback::Allow => RETURN_ALLOW,
    }
}

fn verdict_value(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Allow => RETURN_ALLOW,
        Verdict::Errno(number) => RETURN_ERRNO | u32::from(number),
        Verdict::Kill => RETURN_KILL,
    }
}

const fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD_WORD, jump_true: 0, jump_false: 0, operand: offset }
}

const fn and(mask: u32) -> Instruction {
    Instruction { code: AND, jump_true: 0, jump_false: 0, operand: mask }
}

const fn give(value: u32) -> Instruction {
    Instruction { code: RETURN, jump_true: 0, jump_false: 0, operand: value }
}

const fn branch(code: u16, operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, operand }
}

// Classic BPF, as in linux/bpf_common.h.
const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP_ALWAYS: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

// Offsets in struct seccomp_data, and what a filter returns, as in linux/seccomp.h.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
const OFFSET_ARGUMENTS: u32 = 16;
const RETURN_KILL: u32 = 0x8000_0000;
const RETURN_ERRNO: u32 = 0x0005_0000;
const RETURN_ALLOW: u32 = 0x7fff_0000;
const ARCHITECTURE_X86_64: u32 = 0xc000_003e;
const X32_BIT: u32 = 0x4000_0000;
const EPERM: u16 = 1;
