//! Arrays that joblib writes between a pickle's opcodes.

use super::machine::{Context, Machine};
use super::value::Value;
use super::{check, machine};
use crate::scan::budget::{Fault, malformed, unsupported};

impl Machine<'_, '_> {
    /// Passes over the array that follows a wrapper with that state.
    ///
    /// Python's own loader does not know of it, and would go on with the array's bytes as opcodes: what
    /// they would do to it must be nothing.
    pub(super) fn joblib_array(&mut self, state: Value) -> Result<(), Fault> {
        let shape = self.item(state, "shape").and_then(|shape| self.pool.items_of(shape));
        let elements = shape.and_then(|shape| {
            shape.iter().try_fold(1_u64, |product, side| {
                let side = self.pool.integer_of(*side).and_then(|side| u64::try_from(side).ok())?;
                product.checked_mul(side)
            })
        });
        let dtype = self.item(state, "dtype").and_then(|dtype| self.pool.dtype_of(dtype));
        let subclass = self.item(state, "subclass");
        let is_array = matches!(subclass, Some(Value::Global(place)) if self.pool.global_of(place) == ("numpy", "ndarray"));
        let (Some(elements), Some(dtype), true) = (elements, dtype, is_array) else {
            return unsupported("has a joblib array whose size cannot be known");
        };
        let start = self.reader.position();
        if dtype.objects {
            self.objects()?;
            return unsupported("has a joblib array of objects, which Python's own loader reads differently");
        }
        self.would_go_on()?;
        let Some(bytes) = elements.checked_mul(dtype.bytes) else { return Err(Fault::CUT) };
        if matches!(self.item(state, "numpy_array_alignment_bytes"), Some(Value::Int(_))) {
            let padding = self.reader.byte()?;
            let padding = self.reader.take(usize::from(padding))?;
            if padding.iter().any(|byte| *byte != 0xff) {
                return malformed(format!("has padding that hides something, at {start}"));
            }
        }
        self.reader.skip(bytes)
    }

    /// An array of objects is a pickle of its own.
    fn objects(&mut self) -> Result<(), Fault> {
        let depth = self.depth.saturating_add(1);
        if depth > OBJECTS_DEPTH_MAX {
            return Err(Fault::Ceiling("pickles within one another"));
        }
        let mut inner = Machine::new(self.reader, Context::Plain, depth);
        let ran = inner.run();
        let found = std::mem::take(&mut inner.found);
        self.found.extend(found);
        self.found.truncate(machine::FOUND_MAX);
        ran.map(drop)
    }

    /// Goes on as Python's own loader would, for a while, and reports what that does.
    fn would_go_on(&mut self) -> Result<(), Fault> {
        let memory = self.memory();
        if memory.bytes() > COPIED_BYTES_MAX {
            return Err(Fault::Ceiling("objects of a pickle beside joblib arrays"));
        }
        self.copied_bytes = self.copied_bytes.saturating_add(memory.bytes());
        if self.copied_bytes > COPIED_ALL_BYTES_MAX {
            return Err(Fault::Ceiling("arrays of one joblib file"));
        }
        let mut reader = self.reader.content().reader();
        reader.skip(self.reader.position())?;
        let mut other =
            Machine::going_on(&mut reader, Context::Plain, OBJECTS_DEPTH_MAX, memory).at_most(STEPS_MAX);
        // That it breaks off is what an honest array does to it.
        let _ = other.run();
        if let Some(found) = other.found.into_iter().find(|found| found.explicit) {
            let what = format!("has an array that {} when it is not loaded by joblib", found.what);
            self.find(&check::NESTED, what, true);
        }
        Ok(())
    }
}

const OBJECTS_DEPTH_MAX: u32 = 4;
const COPIED_BYTES_MAX: usize = 1 << 20;
const COPIED_ALL_BYTES_MAX: usize = 1 << 30;
const STEPS_MAX: u64 = 4096;
