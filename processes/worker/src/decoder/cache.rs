//! Keys and values of all sequences, in half precision, reserved once.

use half::f16;

use super::Span;

/// For each layer, slot and head a run of `context` tokens: an answer's cost is its own, and a slot
/// that is given away keeps nothing that its next owner could read, since it starts at position zero
/// and no step reads beyond its own position.
#[derive(Debug)]
pub(super) struct Cache {
    // Plain bits: the system hands out pages of zeros only when they are first used.
    keys: Vec<u16>,
    values: Vec<u16>,
    slots: usize,
    context: usize,
    heads: usize,
    head: usize,
}

impl Cache {
    /// Reserves it; `None` when that is more than there can be.
    pub(super) fn new(
        layers: usize,
        slots: usize,
        context: usize,
        heads: usize,
        head: usize,
    ) -> Option<Self> {
        let sizes = [layers, slots, context, heads, head];
        let length = sizes.into_iter().try_fold(1_usize, usize::checked_mul)?;
        // Asking first tells what would otherwise end the process.
        Vec::<u16>::new().try_reserve_exact(length.checked_mul(2)?).ok()?;
        Some(Self { keys: vec![0; length], values: vec![0; length], slots, context, heads, head })
    }

    /// Whether a span fits its slot.
    pub(super) fn holds(&self, span: &Span<'_>) -> bool {
        span.slot < self.slots
            && span.position.checked_add(span.tokens.len()).is_some_and(|end| end <= self.context)
    }

    /// Appends the keys and values of every span's rows.
    pub(super) fn put(&mut self, layer: usize, spans: &[Span<'_>], keys: &[f32], values: &[f32]) {
        let mut keys = keys.chunks_exact(self.head);
        let mut values = values.chunks_exact(self.head);
        for span in spans {
            for position in span.position..span.position + span.tokens.len() {
                for head in 0..self.heads {
                    let at = self.at(layer, span.slot, head) + position * self.head;
                    narrow(&mut self.keys, at, keys.next());
                    narrow(&mut self.values, at, values.next());
                }
            }
        }
    }

    /// The keys and the values of one head of a sequence, up to position `end`.
    pub(super) fn get(&self, layer: usize, slot: usize, head: usize, end: usize) -> (&[u16], &[u16]) {
        let from = self.at(layer, slot, head);
        let range = from..from + end * self.head;
        (self.keys.get(range.clone()).unwrap_or_default(), self.values.get(range).unwrap_or_default())
    }

    fn at(&self, layer: usize, slot: usize, head: usize) -> usize {
        ((layer * self.slots + slot) * self.heads + head) * self.context * self.head
    }
}

fn narrow(to: &mut [u16], at: usize, from: Option<&[f32]>) {
    let places = to.get_mut(at..).unwrap_or_default();
    for (place, &number) in places.iter_mut().zip(from.unwrap_or_default()) {
        *place = f16::from_f32(number).to_bits();
    }
}
