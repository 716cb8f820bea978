//! Control tokens, and the veil that keeps clients from writing them.
//!
//! A chat template writes control tokens (`<|im_start|>`) as text among the texts of clients. Once it
//! has run, nobody can tell whose text is whose: a client that writes `<|im_end|>` would end its turn
//! and begin another's. So, in this order:
//!
//! 1. Every text of a client is **hidden** before the template sees it: each character with which a
//!    control token begins (`<`) is replaced by a stand-in, one for one. Length, order and everything
//!    else stay as they are, so templates can trim, split and compare. Stand-ins are Unicode
//!    noncharacters; those that a client writes itself are replaced first.
//! 2. The template runs. A control token in its output begins with a real first character, which
//!    only the template can have written, whatever it did to the texts of clients.
//! 3. The output is **revealed**: control tokens become private names, also of noncharacters, and
//!    stand-ins become the characters that they stood for.
//! 4. The tokenizer knows its control tokens by their private names alone. `<|im_end|>` is text to it,
//!    and no rule for merging text makes a control token of it: see [`super::from_json`].
//!
//! Roles are not hidden: they are ours, and templates make control tokens of them (`<|user|>`).

/// The control tokens of one tokenizer.
#[derive(Debug)]
pub struct Controls {
    /// Longest text first, so that a token that begins like another is not taken for it.
    tokens: Vec<Control>,
    /// The characters with which they begin.
    firsts: Vec<char>,
}

/// One control token.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) text: String,
    pub(super) id: u32,
}

/// Most bytes of a private name.
pub(super) const NAME_BYTES_MAX: usize = 16;

impl Controls {
    /// Takes a tokenizer's control tokens; none is empty. `None` when they begin with more different
    /// characters than there are stand-ins.
    pub(super) fn new(mut tokens: Vec<Control>) -> Option<Self> {
        tokens.sort_by(|one, other| other.text.len().cmp(&one.text.len()).then(one.id.cmp(&other.id)));
        let mut firsts: Vec<char> = tokens.iter().filter_map(|token| token.text.chars().next()).collect();
        firsts.sort_unstable();
        firsts.dedup();
        (firsts.len() <= STAND_INS.len()).then_some(Self { tokens, firsts })
    }

    /// The name by which the tokenizer knows the control token of that id.
    pub(super) fn name(id: u32) -> String {
        format!("{NAME_BEGINS}{id}{NAME_ENDS}")
    }

    /// A client's text as templates may see it.
    pub fn hide(&self, text: &str) -> String {
        let hide = |letter: char| match self.firsts.iter().position(|&first| first == letter) {
            Some(at) => STAND_INS.get(at).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
            None if PRIVATE.contains(&letter) => char::REPLACEMENT_CHARACTER,
            None => letter,
        };
        text.chars().map(hide).collect()
    }

    /// A hidden text as its client wrote it.
    pub fn show(&self, text: &str) -> String {
        text.chars().map(|letter| self.shown(letter)).collect()
    }

    /// A template's output as the tokenizer takes it.
    pub fn reveal(&self, text: &str) -> String {
        let mut revealed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let control = self.firsts.contains(&letter).then(|| self.beginning(rest)).flatten();
            if let Some(control) = control {
                revealed.push_str(&Self::name(control.id));
                rest = rest.get(control.text.len()..).unwrap_or_default();
            } else {
                revealed.push(self.shown(letter));
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
        revealed
    }

    fn shown(&self, letter: char) -> char {
        let stand_in = STAND_INS.iter().position(|&stand_in| stand_in == letter);
        stand_in.and_then(|at| self.firsts.get(at)).copied().unwrap_or(letter)
    }

    fn beginning(&self, text: &str) -> Option<&Control> {
        self.tokens.iter().find(|control| text.starts_with(&control.text))
    }
}

/// Noncharacters: Unicode promises never to give them a meaning.
const PRIVATE: std::ops::RangeInclusive<char> = '\u{fdd0}'..='\u{fdef}';
const STAND_INS: [char; 16] = [
    '\u{fdd0}', '\u{fdd1}', '\u{fdd2}', '\u{fdd3}', '\u{fdd4}', '\u{fdd5}', '\u{fdd6}', '\u{fdd7}',
    '\u{fdd8}', '\u{fdd9}', '\u{fdda}', '\u{fddb}', '\u{fddc}', '\u{fddd}', '\u{fdde}', '\u{fddf}',
];
const NAME_BEGINS: char = '\u{fde0}';
const NAME_ENDS: char = '\u{fde1}';

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn controls() -> Controls {
        let token = |text: &str, id| Control { text: text.to_owned(), id };
        let tokens = [("<s>", 0), ("<|end|>", 1), ("[INST]", 2), ("<|end|>!", 3)];
        Controls::new(tokens.map(|(text, id)| token(text, id)).to_vec()).unwrap()
    }

    #[test]
    fn only_the_template_writes_control_tokens() {
        let controls = controls();
        let client = controls.hide("<s> a < b [INST]");
        let revealed = controls.reveal(&format!("<s>{client}<|end|>"));
        assert_eq!(revealed, format!("{}<s> a < b [INST]{}", Controls::name(0), Controls::name(1)));
    }

    #[test]
    fn the_longest_control_token_is_taken() {
        assert_eq!(controls().reveal("<|end|>!"), Controls::name(3));
    }

    #[test]
    fn a_client_can_write_neither_stand_ins_nor_private_names() {
        let controls = controls();
        let forged = format!("\u{fdd0}s>{}", Controls::name(1));
        assert_eq!(controls.reveal(&controls.hide(&forged)), "\u{fffd}s>\u{fffd}1\u{fffd}");
    }

    #[test]
    fn two_texts_of_clients_make_no_control_token_together() {
        let controls = controls();
        let joined = controls.hide("<|e") + &controls.hide("nd|>");
        assert_eq!(controls.reveal(&joined), "<|end|>");
    }

    proptest! {
        #[test]
        fn what_clients_write_is_what_the_tokenizer_gets(text in "[<\\[|a-z/\\]>sINTé ]{0,40}") {
            let controls = controls();
            prop_assert_eq!(controls.reveal(&controls.hide(&text)), text);
        }

        #[test]
        fn no_part_of_a_hidden_text_reveals_a_control_token(text in "(<s>|<|\\||end|>|\\[INST\\]|x){0,12}", cut in 0_usize..8) {
            // As a template might cut and join it.
            let hidden = controls().hide(&text);
            let cut: String = hidden.chars().filter(|c| *c != 'x').skip(cut).collect();
            prop_assert!(!controls().reveal(&cut).contains(NAME_BEGINS));
        }
    }
}
