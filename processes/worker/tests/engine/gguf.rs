//! GGUF beyond the demo's file: other kinds of block, other tokenizers.

use std::io::Cursor;

use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use package::Format;
use package::gguf::GgufIndex;
use stockade_worker::tokens::Tokens;

use crate::client::{Client, plain};
use crate::demo::{Copy, LIMITS, user};

/// The demo's file with its matrices in another kind of block.
fn requantised(dtype: GgmlDType) -> Copy {
    let package = Copy::of(Format::Gguf);
    let path = package.path("model-q8_0.gguf");
    let mut file = Cursor::new(std::fs::read(&path).unwrap());
    let content = Content::read(&mut file).unwrap();
    let mut names: Vec<_> = content.tensor_infos.keys().cloned().collect();
    names.sort();
    let tensors: Vec<_> = names
        .iter()
        .map(|name| {
            let tensor = content.tensor(&mut file, name, &Device::Cpu).unwrap();
            if tensor.rank() < 2 {
                return tensor;
            }
            QTensor::quantize(&tensor.dequantize(&Device::Cpu).unwrap(), dtype).unwrap()
        })
        .collect();
    let metadata: Vec<_> = content.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<_> = names.iter().map(String::as_str).zip(&tensors).collect();
    let mut written = Cursor::new(Vec::new());
    gguf_file::write(&mut written, &metadata, &tensors).unwrap();
    std::fs::write(&path, written.into_inner()).unwrap();
    package
}

#[test]
fn a_model_in_any_kind_of_block_answers() {
    for dtype in [
        GgmlDType::F32,
        GgmlDType::F16,
        GgmlDType::BF16,
        GgmlDType::Q4_0,
        GgmlDType::Q5_0,
        GgmlDType::Q8_0,
        GgmlDType::Q4K,
        GgmlDType::Q5K,
        GgmlDType::Q6K,
    ] {
        let mut client = Client::new(requantised(dtype).load(&LIMITS).unwrap(), LIMITS);
        assert_eq!(client.answer(user("Hello!"), plain()).text, "Hello! How can I help?", "{dtype:?}");
        client.close();
    }
}

/// A tokenizer's metadata: tokens with their kinds and scores, and the rest.
fn tokenizer(tokens: &[(&str, i32, f32)], rest: &[(&str, Value)]) -> Tokens {
    let list = |values: Vec<Value>| Value::Array(values);
    let texts = list(tokens.iter().map(|token| Value::String(token.0.to_owned())).collect());
    let kinds = list(tokens.iter().map(|token| Value::I32(token.1)).collect());
    let scores = list(tokens.iter().map(|token| Value::F32(token.2)).collect());
    let mut metadata = vec![
        ("tokenizer.ggml.tokens", &texts),
        ("tokenizer.ggml.token_type", &kinds),
        ("tokenizer.ggml.scores", &scores),
    ];
    metadata.extend(rest.iter().map(|(key, value)| (*key, value)));
    let mut written = Cursor::new(Vec::new());
    gguf_file::write(&mut written, &metadata, &[]).unwrap();
    let file = written.into_inner();
    Tokens::from_gguf(&GgufIndex::parse(&file).unwrap()).unwrap()
}

#[test]
fn a_sentence_piece_tokenizer_merges_by_score_and_falls_back_to_bytes() {
    let bytes: Vec<String> = (0..256).map(|byte| format!("<0x{byte:02X}>")).collect();
    let mut tokens = vec![("<unk>", 2, 0.0), ("<s>", 3, 0.0), ("</s>", 3, 0.0)];
    tokens.extend(bytes.iter().map(|byte| (byte.as_str(), 6, 0.0)));
    let words = ["▁", "h", "e", "l", "o", "he", "ll", "lo", "hell", "hello", "▁hello"];
    // "lo" is worse than "ll" though it is listed beside it: "hello" is never cut into "hel" and "lo".
    let scores = [-90.0, -91.0, -92.0, -93.0, -94.0, -1.0, -2.0, -80.0, -3.0, -4.0, -5.0];
    tokens.extend(words.into_iter().zip(scores).map(|(word, score)| (word, 1, score)));
    let id =
        |word: &str| 259 + u32::try_from(words.iter().position(|&known| known == word).unwrap()).unwrap();
    let model = Value::String("llama".to_owned());
    let found = tokenizer(
        &tokens,
        &[("tokenizer.ggml.model", model), ("tokenizer.ggml.bos_token_id", Value::U32(1))],
    );
    let byte = |byte: u8| 3 + u32::from(byte);
    for (text, expected) in [
        ("hello", vec![id("▁hello")]),
        ("hello hell", vec![id("▁hello"), id("▁"), id("hell")]),
        ("é", vec![id("▁"), byte(0xc3), byte(0xa9)]),
        // A control token's text is text.
        ("<s>", vec![id("▁"), byte(b'<'), byte(b's'), byte(b'>')]),
    ] {
        // Plain text begins with the first token, as such models were trained.
        assert_eq!(found.plain(text, 100).unwrap(), [&[1], &*expected].concat(), "{text}");
    }
    assert_eq!(found.rendered("<s>hello</s>", 100).unwrap(), [1, id("▁hello"), 2]);
    assert_eq!(found.spelling().of(id("▁hello")), b" hello");
    assert_eq!(found.spelling().of(byte(0xc3)), [0xc3]);
    assert!(found.spelling().of(1).is_empty() && found.spelling().strip_first_space());
}

#[test]
fn each_known_pre_tokenizer_cuts_in_its_own_way() {
    let tokens = ["<|end|>", "1", "2", "3", "4", "12", "123", "a", "Ġ", "Ġa"];
    let tokens: Vec<_> =
        tokens.into_iter().map(|token| (token, if token == "<|end|>" { 3 } else { 1 }, 0.0)).collect();
    let merges = Value::Array(["1 2", "12 3", "Ġ a"].map(|merge| Value::String(merge.to_owned())).to_vec());
    for (pre, expected) in
        [("gpt-2", [6, 4, 9]), ("llama-bpe", [6, 4, 9]), ("qwen2", [1, 2, 3]), ("smollm", [1, 2, 3])]
    {
        let rest = [
            ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
            ("tokenizer.ggml.pre", Value::String(pre.to_owned())),
            ("tokenizer.ggml.merges", merges.clone()),
        ];
        let found = tokenizer(&tokens, &rest).plain("1234 a", 100).unwrap();
        assert_eq!(found[..3], expected, "{pre}");
        assert_eq!(found.last(), Some(&9), "{pre}");
    }
}
