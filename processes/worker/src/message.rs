//! Messages to other processes: one bounded line, whatever the cause.

use std::error::Error;

use proto::link::engine::MESSAGE_BYTES_MAX;

/// An error and its causes, in one line that no terminal obeys and no frame is too small for.
pub(crate) fn of(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    let mut message: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    message
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_message_is_one_bounded_line() {
        let message = of(&io::Error::other(format!("a\u{1b}[31m\n{}", "é".repeat(1000))));
        assert!(message.starts_with("a?[31m?é"));
        assert!(message.len() <= MESSAGE_BYTES_MAX && message.len() > MESSAGE_BYTES_MAX - 2);
    }
}
