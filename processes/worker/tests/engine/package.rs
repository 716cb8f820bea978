//! What is loaded, and what is refused.

use package::Format;
use proto::Code;

use crate::demo::{Copy, LIMITS};

fn code(package: &Copy) -> Code {
    package.load(&LIMITS).unwrap_err().code()
}

#[test]
fn a_package_with_a_flaw_is_refused_with_its_code() {
    type Flaw = (&'static str, &'static str, &'static str, Code);
    let flaws: [Flaw; 8] = [
        ("config.json", "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5", Code::FormatInvalid),
        ("config.json", "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3", Code::FormatInvalid),
        ("config.json", "\"intermediate_size\": 768", "\"intermediate_size\": 767", Code::FormatInvalid),
        (
            "config.json",
            "\"tie_word_embeddings\": true",
            "\"tie_word_embeddings\": false",
            Code::FormatInvalid,
        ),
        ("config.json", "\"llama\"", "\"mamba\"", Code::FormatUnsupported),
        ("tokenizer.json", "\"type\": \"BPE\"", "\"type\": \"Unigram\"", Code::FormatUnsupported),
        ("tokenizer.json", "\"id\": 2,", "\"id\": 3,", Code::FormatInvalid),
        ("tokenizer_config.json", "{%- if messages", "{%- iff messages", Code::FormatInvalid),
    ];
    for (file, from, to, expected) in flaws {
        let package = Copy::of(Format::Safetensors);
        package.edit(file, |text| text.replacen(from, to, 1));
        assert_eq!(code(&package), expected, "{file}: {to}");
    }
}

#[test]
fn a_missing_file_is_refused() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let package = Copy::of(Format::Safetensors);
        std::fs::remove_file(package.path(file)).unwrap();
        assert_eq!(code(&package), Code::FormatInvalid, "{file}");
    }
}

#[test]
fn weights_that_end_early_are_refused() {
    for (format, file) in [(Format::Safetensors, "model.safetensors"), (Format::Gguf, "model-q8_0.gguf")] {
        let package = Copy::of(format);
        let bytes = std::fs::read(package.path(file)).unwrap();
        std::fs::write(package.path(file), &bytes[..bytes.len() - 64]).unwrap();
        assert_eq!(code(&package), Code::FormatInvalid, "{file}");
    }
}

#[test]
fn a_gguf_tokenizer_that_is_not_known_is_refused_and_not_guessed() {
    for (from, to) in [
        ("\x05\0\0\0\0\0\0\0qwen2", "\x05\0\0\0\0\0\0\0qwen9"),
        ("\x04\0\0\0\0\0\0\0gpt2", "\x04\0\0\0\0\0\0\0gpt9"),
    ] {
        let package = Copy::of(Format::Gguf);
        let path = package.path("model-q8_0.gguf");
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(code(&package), Code::FormatUnsupported, "{to}");
    }
}

#[test]
fn a_template_may_be_missing_and_then_only_plain_text_is_answered() {
    let package = Copy::of(Format::Safetensors);
    std::fs::remove_file(package.path("tokenizer_config.json")).unwrap();
    let model = package.load(&LIMITS).unwrap();
    assert!(model.words.template.is_none());
    let mut client = crate::client::Client::new(model, LIMITS);
    let chat = client.answer(crate::demo::user("Hello!"), crate::client::plain());
    assert_eq!(chat.code, Some(Code::TemplateFailed));
    let text = client.answer(proto::link::engine::Prompt::Text("Hello!".to_owned()), crate::client::plain());
    assert!(text.finish.is_some());
    client.close();
}
