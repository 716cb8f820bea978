//! The Python literal that describes an array.

use super::super::pickle::{dtype_holds_objects, dtype_of};

/// What a header says.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) elements: Elements,
    /// How many elements.
    pub(super) count: u64,
}

/// What the elements are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Elements {
    /// That many bytes each.
    Plain(u64),
    /// Objects, alone or among others.
    Objects,
}

/// Reads `{'descr': …, 'fortran_order': …, 'shape': …}`; gives nothing for anything else.
pub(super) fn parse(text: &str) -> Option<Header> {
    let mut scanner = Scanner { rest: text, depth: 0 };
    let (mut elements, mut order, mut count) = (None, None, None);
    scanner.expect('{')?;
    while !scanner.eat('}') {
        let key = scanner.text()?;
        scanner.expect(':')?;
        let taken = match key {
            "descr" => elements.replace(scanner.descr()?).is_some(),
            "fortran_order" => order.replace(scanner.truth()?).is_some(),
            "shape" => count.replace(scanner.shape()?).is_some(),
            _ => return None,
        };
        if taken {
            return None;
        }
        if !scanner.eat(',') {
            scanner.expect('}')?;
            break;
        }
    }
    let complete = scanner.rest.trim().is_empty() && order.is_some();
    complete.then_some(Header { elements: elements?, count: count? })
}

struct Scanner<'t> {
    rest: &'t str,
    depth: u32,
}

impl<'t> Scanner<'t> {
    fn eat(&mut self, letter: char) -> bool {
        match self.rest.trim_start().strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, letter: char) -> Option<()> {
        self.eat(letter).then_some(())
    }

    /// A text without escapes.
    fn text(&mut self) -> Option<&'t str> {
        let quote = if self.eat('\'') { '\'' } else { self.expect('"').map(|()| '"')? };
        let (text, rest) = self.rest.split_once(quote)?;
        self.rest = rest;
        (!text.contains('\\')).then_some(text)
    }

    fn truth(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let (truth, rest) = match rest.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix("False")?),
        };
        self.rest = rest;
        Some(truth)
    }

    /// A tuple of sides, and their product.
    fn shape(&mut self) -> Option<u64> {
        self.expect('(')?;
        let mut product = 1_u64;
        while !self.eat(')') {
            product = product.checked_mul(self.number()?)?;
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Some(product)
    }

    fn number(&mut self) -> Option<u64> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at_checked(end)?;
        // Python 2 wrote long integers with their mark.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        digits.parse().ok()
    }

    /// A type: a text, or a list of named fields.
    fn descr(&mut self) -> Option<Elements> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= DEPTH_MAX)?;
        let elements = if self.eat('[') { self.fields() } else { self.text().and_then(single) };
        self.depth = self.depth.saturating_sub(1);
        elements
    }

    fn fields(&mut self) -> Option<Elements> {
        let mut sum = 0_u64;
        let mut objects = false;
        while !self.eat(']') {
            self.expect('(')?;
            // A field may have a title beside its name.
            if self.eat('(') {
                self.text()?;
                self.expect(',')?;
                self.text()?;
                self.expect(')')?;
            } else {
                self.text()?;
            }
            self.expect(',')?;
            let inner = self.descr()?;
            let mut count = 1;
            if self.eat(',') && !self.rest.trim_start().starts_with(')') {
                count = self.shape()?;
            }
            self.expect(')')?;
            match inner {
                Elements::Plain(bytes) => sum = sum.checked_add(bytes.checked_mul(count)?)?,
                Elements::Objects => objects = true,
            }
            if !self.eat(',') {
                self.expect(']')?;
                break;
            }
        }
        Some(if objects { Elements::Objects } else { Elements::Plain(sum) })
    }
}

fn single(text: &str) -> Option<Elements> {
    if dtype_holds_objects(text) {
        return Some(Elements::Objects);
    }
    dtype_of(text).map(|dtype| Elements::Plain(dtype.bytes))
}

const DEPTH_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let plain = |bytes, count| Some(Header { elements: Elements::Plain(bytes), count });
        assert_eq!(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n"), plain(4, 12));
        assert_eq!(parse("{'descr': '|u1', 'fortran_order': True, 'shape': (), }\n"), plain(1, 1));
        assert_eq!(parse("{'descr': '<U7', 'fortran_order': False, 'shape': (2,), }\n"), plain(28, 2));
        assert_eq!(parse("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (2L,), }\n"), plain(8, 2));
        assert_eq!(
            parse(
                "{'descr': [('a', '<i4'), ('b', '<f8', (2, 3)), ('', '|V4')], 'fortran_order': False, 'shape': (5,), }"
            ),
            plain(56, 5)
        );
        let objects = Some(Header { elements: Elements::Objects, count: 2 });
        assert_eq!(parse("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n"), objects);
        assert_eq!(parse("{'descr': [('a', 'O')], 'fortran_order': False, 'shape': (2,), }\n"), objects);
    }

    #[test]
    fn anything_else_is_no_header() {
        for text in [
            "",
            "{}",
            "{'descr': '<f4', 'shape': (3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}",
            "{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<q4', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 3)}",
            "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
