//! Opcodes that make containers and fill them.

use super::super::allowed::Product;
use super::super::check;
use super::super::opcode;
use super::super::value::Value;
use super::Machine;
use crate::scan::budget::{Fault, malformed};

impl Machine<'_, '_> {
    /// Opcodes that make containers and fill them.
    pub(super) fn container(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            b']' => self.new_list(&[]),
            b'l' => {
                let items = self.pop_mark()?;
                self.new_list(&items);
            }
            b'}' => drop(self.new_dict()),
            b'd' => {
                let items = self.pop_mark()?;
                let dict = self.new_dict();
                self.set_items(dict, &items)?;
            }
            opcode::EMPTY_SET => self.push(Value::Set),
            opcode::FROZENSET => {
                let items = self.pop_mark()?;
                self.hashed(&items);
                self.push(Value::Set);
            }
            opcode::ADDITEMS => {
                let items = self.pop_mark()?;
                self.hashed(&items);
                if self.top()? != Value::Set {
                    self.find(&check::STATE, "would add to something that is no set".to_owned(), false);
                }
            }
            b't' => {
                let items = self.pop_mark()?;
                self.new_tuple(&items)?;
            }
            b')' => self.new_tuple(&[])?,
            opcode::TUPLE1 => {
                let one = self.pop()?;
                self.new_tuple(&[one])?;
            }
            opcode::TUPLE2 => {
                let (two, one) = (self.pop()?, self.pop()?);
                self.new_tuple(&[one, two])?;
            }
            opcode::TUPLE3 => {
                let (three, two, one) = (self.pop()?, self.pop()?, self.pop()?);
                self.new_tuple(&[one, two, three])?;
            }
            b'a' => {
                let item = self.pop()?;
                let list = self.top()?;
                self.append(list, &[item]);
            }
            b'e' => {
                let items = self.pop_mark()?;
                let list = self.top()?;
                self.append(list, &items);
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                let dict = self.top()?;
                self.set_items(dict, &[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                let dict = self.top()?;
                self.set_items(dict, &items)?;
            }
            _ => return malformed(format!("has no opcode {opcode:#04x}, at {}", self.at)),
        }
        Ok(())
    }

    fn new_list(&mut self, items: &[Value]) {
        self.lists = self.lists.saturating_add(1);
        let list = Value::List(self.lists);
        self.append(list, items);
        self.push(list);
    }

    fn new_dict(&mut self) -> Value {
        self.dicts = self.dicts.saturating_add(1);
        let dict = Value::Dict(self.dicts);
        self.push(dict);
        dict
    }

    fn new_tuple(&mut self, items: &[Value]) -> Result<(), Fault> {
        let tuple = self.pool.tuple(items)?;
        self.push(tuple);
        Ok(())
    }

    fn append(&mut self, list: Value, items: &[Value]) {
        let legal = match list {
            Value::List(_) => true,
            Value::Object(origin) => self.product(origin) == Product::Sequence,
            _ => false,
        };
        if !legal {
            self.find(&check::STATE, "would append to something that is no list".to_owned(), false);
        }
        for item in items {
            if self.entries.len() < ENTRIES_MAX {
                self.entries.push((list, Value::Unset, *item));
            }
        }
    }

    fn set_items(&mut self, dict: Value, items: &[Value]) -> Result<(), Fault> {
        let legal = match dict {
            Value::Dict(_) => true,
            Value::Object(origin) => self.product(origin) == Product::Mapping,
            _ => false,
        };
        if !legal {
            self.find(&check::STATE, "would set items of something that is no dictionary".to_owned(), false);
        }
        for pair in items.chunks(2) {
            let [key, value] = pair else {
                return malformed(format!("sets a key without a value, at {}", self.at));
            };
            self.hashed(&[*key]);
            if self.entries.len() < ENTRIES_MAX {
                self.entries.push((dict, *key, *value));
            }
        }
        Ok(())
    }

    /// Items that Python hashes.
    fn hashed(&mut self, items: &[Value]) {
        if items.iter().any(|item| self.pool.weight(*item) > WEIGHT_MAX) {
            let what = "would hash a tuple whose parts are shared too often".to_owned();
            self.find(&check::BOMB, what, true);
        }
    }

    /// What the newest dictionary of that identity has under a name.
    pub(in super::super) fn item(&self, dict: Value, name: &str) -> Option<Value> {
        let named = |key: &Value| self.pool.text_of(*key) == Some(name);
        let newest = self.entries.iter().rev().take(ITEMS_LOOKED_AT);
        newest.filter(|(of, key, _)| *of == dict && named(key)).map(|(_, _, value)| *value).next()
    }
}

const WEIGHT_MAX: u32 = 100_000;
const ENTRIES_MAX: usize = 200_000;
const ITEMS_LOOKED_AT: usize = 64;
