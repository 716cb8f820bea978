//! Text for people: numbers with units, and words that come from elsewhere.

/// Text without what a terminal would obey: a model's words, a package's names.
pub(crate) fn harmless(text: &str) -> String {
    let obeyed = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    text.chars().map(|letter| if obeyed(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Bytes with a binary unit.
pub(crate) fn bytes(count: u64) -> String {
    scaled(count, 1024, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// A count with a decimal unit, such as `3.5 M`.
pub(crate) fn count(count: u64) -> String {
    scaled(count, 1000, &["", "k", "M", "G", "T"])
}

fn scaled(count: u64, step: u64, units: &[&str]) -> String {
    let (mut unit, mut divisor) = (0, 1_u64);
    while unit + 1 < units.len() && count / divisor >= step {
        divisor *= step;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    let number =
        if divisor == 1 { count.to_string() } else { format!("{:.1}", count as f64 / divisor as f64) };
    format!("{number} {name}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_a_model_says() {
        assert_eq!(
            harmless("a\u{1b}]0;x\u{7}b\r\u{9b}c\n\td"),
            "a\u{fffd}]0;x\u{fffd}b\u{fffd}\u{fffd}c\n\td"
        );
    }

    #[test]
    fn numbers_have_the_unit_that_fits() {
        assert_eq!([0, 1023, 1024, 1536 * 1024].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]);
        assert_eq!([7, 3_512_320].map(count), ["7", "3.5 M"]);
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }
}
