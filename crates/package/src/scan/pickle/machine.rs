//! The machine that a pickle is a program for, without the power to do what it is told: it keeps track
//! of what would be imported and called.

mod calls;
mod constants;
mod items;

pub(crate) use calls::dtype_of;

use std::collections::BTreeMap;

use super::allowed::{Allowed, Product, allowed};
use super::check;
use super::opcode::{self, Argument};
use super::value::{Pool, Value};
use crate::scan::budget::{Fault, malformed};
use crate::scan::check::Check;
use crate::scan::content::Reader;

/// Who will load the pickle, which decides what it may refer to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Context {
    /// Anybody: nothing outside of it.
    Plain,
    /// PyTorch: storages, by tuples that describe them.
    Torch,
    /// The first PyTorch: storages, by their number.
    TorchTar,
}

/// Something that would be refused.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) check: &'static Check,
    pub(super) offset: u64,
    pub(super) what: String,
    /// Whether random bytes would hardly say so.
    pub(super) explicit: bool,
}

/// What the machine remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) pool: Pool,
    stack: Vec<Value>,
    /// Where each mark stands in the stack.
    marks: Vec<usize>,
    memo: Vec<Value>,
    policies: Vec<Option<Allowed>>,
    lists: u32,
    dicts: u32,
}

impl Memory {
    pub(super) fn bytes(&self) -> usize {
        let values = self.stack.len().saturating_add(self.memo.len());
        self.pool.bytes().saturating_add(values.saturating_mul(8))
    }
}

/// A storage that tensors of a pickle use: bytes of an element, and how many.
pub(super) type Storages = BTreeMap<String, (u64, u64)>;

/// A pickle that is being interpreted.
pub(super) struct Machine<'m, 'c> {
    pub(super) pool: Pool,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Value>,
    /// What may be done with each global of the pool.
    policies: Vec<Option<Allowed>>,
    lists: u32,
    dicts: u32,
    pub(super) reader: &'m mut Reader<'c>,
    context: Context,
    /// Where the opcode that is being carried out stands.
    at: u64,
    /// Pickles within this one so far around it.
    pub(super) depth: u32,
    /// Opcodes left.
    steps: u64,
    /// Bytes of memory that were copied to see how another loader would go on.
    pub(super) copied_bytes: usize,
    pub(super) found: Vec<Found>,
    /// Items of dictionaries with names as keys, and of lists, newest last, as far as they are kept.
    pub(super) entries: Vec<(Value, Value, Value)>,
    pub(super) storages: Storages,
}

impl<'m, 'c> Machine<'m, 'c> {
    pub(super) fn new(reader: &'m mut Reader<'c>, context: Context, depth: u32) -> Self {
        Self::going_on(reader, context, depth, Memory::default())
    }

    /// A machine that goes on from what another one remembers.
    pub(super) fn going_on(reader: &'m mut Reader<'c>, context: Context, depth: u32, memory: Memory) -> Self {
        let Memory { pool, stack, marks, memo, policies, lists, dicts } = memory;
        let (found, entries, storages) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (at, steps) = (reader.position(), u64::MAX);
        Self {
            pool,
            stack,
            marks,
            memo,
            policies,
            lists,
            dicts,
            reader,
            context,
            at,
            depth,
            steps,
            found,
            entries,
            storages,
            copied_bytes: 0,
        }
    }

    /// A copy of what this machine remembers.
    pub(super) fn memory(&self) -> Memory {
        Memory {
            pool: self.pool.clone(),
            stack: self.stack.clone(),
            marks: self.marks.clone(),
            memo: self.memo.clone(),
            policies: self.policies.clone(),
            lists: self.lists,
            dicts: self.dicts,
        }
    }

    /// Carries out at most that many opcodes.
    pub(super) fn at_most(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// Interprets until the pickle stops, and gives what it would be.
    ///
    /// # Errors
    /// [`Fault`] when it breaks off; what was found until then is in `found`.
    pub(super) fn run(&mut self) -> Result<Value, Fault> {
        loop {
            self.at = self.reader.position();
            let opcode = self.reader.byte()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.steps = self.steps.checked_sub(1).ok_or(Fault::Ceiling("opcodes"))?;
            self.step(opcode)?;
            if self.stack.len() > STACK_MAX || self.marks.len() > STACK_MAX {
                return Err(Fault::Ceiling("objects of one pickle"));
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode::argument(opcode) {
            Some(Argument::None) => self.plain(opcode),
            Some(Argument::Bytes(length)) => {
                let mut argument = 0_u64;
                for place in 0..u32::from(length) {
                    let byte = u64::from(self.reader.byte()?);
                    argument |= byte.checked_shl(place.saturating_mul(8)).unwrap_or(0);
                }
                self.fixed(opcode, argument)
            }
            Some(Argument::Counted(length)) => {
                let mut count = 0_u64;
                for place in 0..u32::from(length) {
                    let byte = u64::from(self.reader.byte()?);
                    count |= byte.checked_shl(place.saturating_mul(8)).unwrap_or(0);
                }
                self.counted(opcode, count)
            }
            Some(Argument::Line) => {
                let line = self.reader.line(LINE_BYTES_MAX)?;
                self.line(opcode, &line)
            }
            Some(Argument::Lines) => {
                let module = self.reader.line(NAME_BYTES_MAX)?;
                let name = self.reader.line(NAME_BYTES_MAX)?;
                let [module, name] = [module, name].map(|line| String::from_utf8_lossy(&line).into_owned());
                let global = self.import(&module, &name)?;
                if opcode == b'i' {
                    return self.old_instance(global);
                }
                self.push(global);
                Ok(())
            }
            None => malformed(format!("has no opcode {opcode:#04x}, at {}", self.at)),
        }
    }

    /// Opcodes without an argument.
    fn plain(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            b'(' => self.marks.push(self.stack.len()),
            b'N' | opcode::NEWTRUE | opcode::NEWFALSE => self.push(Value::Plain),
            b'0' if self.stack.len() > self.fence() => drop(self.pop()?),
            b'0' | b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.push(top);
            }
            b'Q' => {
                let reference = self.pop()?;
                self.persistent(reference);
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'o' => self.object()?,
            opcode::NEWOBJ => self.new_object()?,
            opcode::NEWOBJ_EX => self.new_object_with_names()?,
            opcode::STACK_GLOBAL => self.stack_global()?,
            opcode::MEMOIZE => {
                let top = self.top()?;
                self.put(self.memo.len(), top)?;
            }
            opcode::NEXT_BUFFER => {
                self.find(&check::OPCODE, "takes a buffer from outside of it".to_owned(), false);
                self.push(Value::Bytes);
            }
            opcode::READONLY_BUFFER => {
                self.find(&check::OPCODE, "protects a buffer from outside of it".to_owned(), false);
                self.top()?;
            }
            _ => self.container(opcode)?,
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// Below this nothing may be taken.
    fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        if self.stack.len() <= self.fence() {
            return self.underflow();
        }
        self.stack.pop().map_or_else(|| self.underflow(), Ok)
    }

    fn top(&self) -> Result<Value, Fault> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.fence() => Ok(*top),
            _ => self.underflow(),
        }
    }

    fn underflow<T>(&self) -> Result<T, Fault> {
        malformed(format!("takes from an empty stack, at {}", self.at))
    }

    /// Takes everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Value>, Fault> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark.min(self.stack.len()))),
            None => malformed(format!("has no mark, at {}", self.at)),
        }
    }

    fn put(&mut self, place: usize, value: Value) -> Result<(), Fault> {
        if place >= MEMO_MAX {
            return Err(Fault::Ceiling("memo of a pickle"));
        }
        if self.memo.len() <= place {
            self.memo.resize(place.saturating_add(1), Value::Unset);
        }
        if let Some(slot) = self.memo.get_mut(place) {
            *slot = value;
        }
        Ok(())
    }

    fn get(&mut self, place: usize) -> Result<(), Fault> {
        match self.memo.get(place) {
            Some(value) if *value != Value::Unset => {
                let value = *value;
                self.push(value);
                Ok(())
            }
            _ => malformed(format!("gets what was never put, at {}", self.at)),
        }
    }

    /// What may be done to what a call of that global gave.
    pub(super) fn product(&self, origin: u32) -> Product {
        self.policy(origin).map_or(Product::Closed, |allowed| allowed.product)
    }

    fn policy(&self, global: u32) -> Option<Allowed> {
        self.policies.get(global as usize).copied().flatten()
    }

    /// Imports something, and reports it unless it is on the list.
    fn import(&mut self, module: &str, name: &str) -> Result<Value, Fault> {
        let place = self.pool.global(module, name)?;
        if self.policies.len() <= place as usize {
            self.policies.push(allowed(module, name));
        }
        if self.policy(place).is_none() {
            let explicit = is_name(module) && is_name(name) && module.len().saturating_add(name.len()) > 4;
            self.find(&check::IMPORT, format!("would import {}", dotted(module, name)), explicit);
        }
        Ok(Value::Global(place))
    }

    pub(super) fn find(&mut self, check: &'static Check, what: String, explicit: bool) {
        if self.found.len() < FOUND_MAX && self.found.last().is_none_or(|last| last.what != what) {
            self.found.push(Found { check, offset: self.at, what, explicit });
        }
    }
}

fn dotted(module: &str, name: &str) -> String {
    format!("{module}.{name}")
}

fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    name.split('.').all(|part| {
        part.chars().all(inner) && part.chars().next().is_some_and(|first| !first.is_ascii_digit())
    })
}

const STACK_MAX: usize = 1_000_000;
const MEMO_MAX: usize = 1_000_000;
pub(super) const FOUND_MAX: usize = 64;
const LINE_BYTES_MAX: usize = 1 << 20;
const NAME_BYTES_MAX: usize = 1024;
