//! Opcodes that call: what would be called, with what.

use super::super::allowed::{Product, element_bytes};
use super::super::check;
use super::super::value::{Dtype, Value};
use super::{Context, Machine, dotted};
use crate::scan::budget::{Fault, malformed};

impl Machine<'_, '_> {
    pub(super) fn stack_global(&mut self) -> Result<(), Fault> {
        let (name, module) = (self.pop()?, self.pop()?);
        let texts = self.pool.text_of(module).zip(self.pool.text_of(name));
        let global =
            if let Some((module, name)) = texts.map(|(module, name)| (module.to_owned(), name.to_owned())) {
                self.import(&module, &name)?
            } else {
                let what = "would import something whose name is not in the file".to_owned();
                self.find(&check::IMPORT, what, false);
                Value::Unknown
            };
        self.push(global);
        Ok(())
    }

    pub(super) fn reduce(&mut self) -> Result<(), Fault> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let product = self.call(callee, arguments)?;
        self.push(product);
        Ok(())
    }

    pub(super) fn new_object(&mut self) -> Result<(), Fault> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let product = self.call(class, arguments)?;
        self.push(product);
        Ok(())
    }

    pub(super) fn new_object_with_names(&mut self) -> Result<(), Fault> {
        let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
        let product = self.call(class, arguments)?;
        self.find(&check::OPCODE, "makes an object with named arguments".to_owned(), false);
        self.push(product);
        Ok(())
    }

    /// An instance of a class, the old way: its arguments since the last mark.
    pub(super) fn old_instance(&mut self, class: Value) -> Result<(), Fault> {
        let arguments = self.pop_mark()?;
        self.make_old(class, &arguments)
    }

    /// The same, with the class behind the mark.
    pub(super) fn object(&mut self) -> Result<(), Fault> {
        let mut arguments = self.pop_mark()?;
        if arguments.is_empty() {
            return malformed(format!("makes an object of nothing, at {}", self.at));
        }
        let class = arguments.remove(0);
        self.make_old(class, &arguments)
    }

    fn make_old(&mut self, class: Value, arguments: &[Value]) -> Result<(), Fault> {
        let arguments = self.pool.tuple(arguments)?;
        let product = self.call(class, arguments)?;
        self.find(&check::OPCODE, "makes an object in the way of the first protocols".to_owned(), false);
        self.push(product);
        Ok(())
    }

    /// What a call would give; reports one that is not on the list.
    fn call(&mut self, callee: Value, arguments: Value) -> Result<Value, Fault> {
        let Value::Global(global) = callee else {
            let what = "would call something that is no import".to_owned();
            self.find(&check::CALL, what, false);
            return Ok(Value::Unknown);
        };
        let (module, name) = self.pool.global_of(global);
        let (module, name) = (module.to_owned(), name.to_owned());
        let policy = self.policy(global);
        let items = self.pool.items_of(arguments);
        let accepted = policy
            .and_then(|policy| policy.call)
            .zip(items)
            .is_some_and(|(accepts, items)| accepts(self, items));
        if !accepted {
            let with = items.map(|items| self.shown(items)).unwrap_or_default();
            let why = if policy.is_some() { ", in a way that nothing inert needs" } else { "" };
            let explicit = super::is_name(&module) && super::is_name(&name);
            self.find(&check::CALL, format!("would call {}({with}){why}", dotted(&module, &name)), explicit);
            return Ok(Value::Unknown);
        }
        if self.product(global) == Product::Dtype {
            let dtype = items.and_then(|items| items.first()).and_then(|first| self.pool.text_of(*first));
            let dtype = dtype.and_then(dtype_of).unwrap_or(Dtype { objects: true, bytes: 0 });
            return self.pool.dtype(dtype);
        }
        Ok(Value::Object(global))
    }

    /// Arguments for people.
    fn shown(&self, items: &[Value]) -> String {
        let show = |item: &Value| match item {
            Value::Text(_) => {
                let text: String =
                    self.pool.text_of(*item).unwrap_or_default().chars().take(ARGUMENT_CHARS).collect();
                format!("{text:?}")
            }
            Value::Int(_) | Value::BigInt(_) => self.pool.integer_of(*item).unwrap_or(0).to_string(),
            Value::Global(place) => {
                let (module, name) = self.pool.global_of(*place);
                dotted(module, name)
            }
            Value::Tuple(_) => self.pool.items_of(*item).map_or_else(
                || "(...)".to_owned(),
                |inner| {
                    inner.iter().find_map(|one| self.pool.text_of(*one)).map_or("(...)".to_owned(), |text| {
                        let text: String = text.chars().take(ARGUMENT_CHARS).collect();
                        format!("({text:?}, ...)")
                    })
                },
            ),
            _ => "...".to_owned(),
        };
        items.iter().take(ARGUMENTS_SHOWN).map(show).collect::<Vec<_>>().join(", ")
    }

    /// Sets the state of the object on top.
    pub(super) fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        let target = self.top()?;
        match target {
            Value::Dtype(_) => {
                if !self.holds_numbers(state) {
                    self.pool.spoil(target);
                }
            }
            Value::Object(origin) => {
                let product = self.product(origin);
                let (module, name) = self.pool.global_of(origin);
                let is_array = name == "_reconstruct" || name == "_frombuffer";
                let is_wrapper = module == "joblib.numpy_pickle";
                // A pair sets attributes one by one.
                let legal = match state {
                    Value::Dict(_) => !is_array,
                    Value::Tuple(_) => is_array,
                    _ => false,
                };
                if product == Product::Closed || !legal {
                    let what = format!("would set the state of a {}", dotted(module, name));
                    self.find(&check::STATE, what, true);
                } else if is_wrapper {
                    self.joblib_array(state)?;
                }
            }
            Value::Global(place) => {
                let (module, name) = self.pool.global_of(place);
                let what = format!("would set attributes of {}", dotted(module, name));
                self.find(&check::STATE, what, true);
            }
            _ => self.find(&check::STATE, "would set the state of something".to_owned(), false),
        }
        Ok(())
    }

    /// Whether the state of a type says that its elements are numbers, alone or in named fields:
    /// `(version, order, subtype, names, fields, size, alignment, …)`.
    fn holds_numbers(&self, state: Value) -> bool {
        let Some([_, _, Value::Plain, names, fields, ..]) = self.pool.items_of(state) else { return false };
        if (*names, *fields) == (Value::Plain, Value::Plain) {
            return true;
        }
        let Some(names) = self.pool.items_of(*names) else { return false };
        names.iter().all(|name| {
            let field = self.pool.text_of(*name).and_then(|name| self.item(*fields, name));
            let dtype = field.and_then(|field| self.pool.items_of(field)).and_then(|field| field.first());
            dtype.and_then(|dtype| self.pool.dtype_of(*dtype)).is_some_and(|dtype| !dtype.objects)
        })
    }

    /// An object outside of the pickle.
    pub(super) fn persistent(&mut self, reference: Value) {
        let legal = match self.context {
            Context::Plain => false,
            Context::Torch => self.storage(reference),
            Context::TorchTar => matches!(reference, Value::Text(_) | Value::Int(_)),
        };
        if !legal {
            let shown = self.pool.text_of(reference).unwrap_or_default().to_owned();
            self.find(&check::PERSISTENT, format!("refers to something outside of it {shown:?}"), false);
        }
        self.push(Value::Storage);
    }

    /// Takes note of a storage: `("storage", type, key, location, elements)`, perhaps with a view of it.
    fn storage(&mut self, reference: Value) -> bool {
        let Some(items) = self.pool.items_of(reference) else { return false };
        let [kind, Value::Global(class), key, location, elements, view @ ..] = items else { return false };
        let (module, name) = self.pool.global_of(*class);
        let text = |value: &Value| self.pool.text_of(*value);
        let elements = self.pool.integer_of(*elements).and_then(|elements| u64::try_from(elements).ok());
        let (Some("storage"), Some(bytes), Some(key), Some(_), Some(elements)) =
            (text(kind), element_bytes(module, name), text(key), text(location), elements)
        else {
            return false;
        };
        if !matches!(view, [] | [Value::Plain | Value::Tuple(_)]) || self.storages.len() >= STORAGES_MAX {
            return false;
        }
        let key = key.to_owned();
        // Two tensors that share a storage agree on what it is.
        *self.storages.entry(key).or_insert((bytes, elements)) == (bytes, elements)
    }
}

/// A type of array elements by its text, such as `f4` or `<U12`.
pub(crate) fn dtype_of(text: &str) -> Option<Dtype> {
    let text = text.trim_start_matches(['<', '>', '=', '|']);
    let kind = text.chars().next()?;
    let size: u64 = match text.get(1..)? {
        "" => 0,
        // Times have a unit: `M8[ns]`.
        unit if matches!(kind, 'M' | 'm') && unit.starts_with("8[") && unit.ends_with(']') => 8,
        digits if digits.len() <= 9 => digits.parse().ok()?,
        _ => return None,
    };
    let bytes = match (kind, size) {
        ('b' | 'i' | 'u' | 'f' | 'c', 1 | 2 | 4 | 8 | 16 | 32) | ('M' | 'm', 8) | ('S' | 'a' | 'V', _) => {
            size
        }
        ('U', _) => size.checked_mul(4)?,
        ('?', 0) => 1,
        _ => return None,
    };
    Some(Dtype { objects: false, bytes })
}

const ARGUMENT_CHARS: usize = 60;
const ARGUMENTS_SHOWN: usize = 4;
const STORAGES_MAX: usize = 100_000;
