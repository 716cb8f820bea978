//! Verifying a large package, beside the hash alone.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use package::Format;
use proto::Digest;
use serde_json::json;
use stockade_tests::{Build, Package, Signer, command, places};

use crate::{
    samples::Samples,
    table::{Row, Table},
};

/// Measures `stockade package verify` on a package of a gibibyte and more.
pub(crate) fn measure(table: &mut Table) {
    let folder = places::scratch("large");
    let bytes = write_model(folder.path());
    let package = Package::of(folder.path(), "large", Format::Safetensors);
    drop(folder);
    let hash = hash_speed();
    let programs = places::programs(Build::Release);
    let key = package.path().with_extension("pem");
    fs::write(&key, Signer::trusted().public_pem()).expect("write a key");
    let signer = format!("publisher={}", key.display());
    let place = package.path().display().to_string();
    let state = places::scratch("state");
    let state_place = state.path().display().to_string();
    let arguments = [
        "package",
        "verify",
        "--json",
        "--state",
        state_place.as_str(),
        "--signer",
        signer.as_str(),
        place.as_str(),
    ];
    let times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            let ran = command::stockade(programs, &arguments);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            begun.elapsed()
        })
        .collect();
    let _ = fs::remove_file(key);
    let time = Samples::of_times(times).median() / 1e3;
    let speed = bytes as f64 / GIB / time;
    table.add(Row::new("SHA-256 in memory, two threads", hash, "GiB/s").note("the same library, hot"));
    let note = format!(
        "{:.2} GiB in {SHARDS} files, whole command: supervisor, jail, signature, digests, every header",
        bytes as f64 / GIB
    );
    table.add(Row::new("verification", speed, "GiB/s").note(note));
    table.add(Row::new("verification over the hash alone", speed / hash, "×").at_least(0.9));
}

/// How fast two threads hash what lies in memory.
fn hash_speed() -> f64 {
    let block = vec![0x5a_u8; 64 << 20];
    let rounds = Samples::of_times((0..ROUNDS).map(|_| {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..4).for_each(|_| _ = std::hint::black_box(hash(&block))));
            }
        });
        begun.elapsed()
    }));
    8.0 * block.len() as f64 / GIB / (rounds.median() / 1e3)
}

fn hash(bytes: &[u8]) -> Digest {
    package::hash::sha256(bytes)
}

/// Writes a Llama of the demo model's vocabulary and other people's size; gives back its bytes.
fn write_model(folder: &Path) -> u64 {
    let demo = places::workspace().join("models/demo/package");
    for file in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
        fs::copy(demo.join(file), folder.join(file)).expect("copy the tokenizer");
    }
    let text = fs::read_to_string(demo.join("config.json")).expect("the configuration");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    config["hidden_size"] = json!(WIDTH);
    config["intermediate_size"] = json!(INNER);
    config["num_hidden_layers"] = json!(SHARDS);
    config["num_attention_heads"] = json!(WIDTH / 64);
    config["num_key_value_heads"] = json!(WIDTH / 256);
    fs::write(folder.join("config.json"), config.to_string()).expect("write the configuration");
    (0..SHARDS).map(|layer| write_shard(folder, layer)).sum()
}

/// One layer's tensors in a file of their own; the first has the embeddings, too.
fn write_shard(folder: &Path, layer: usize) -> u64 {
    let named = |name: &str| format!("model.layers.{layer}.{name}.weight");
    let (narrow, norm) = (WIDTH / 4, vec![WIDTH]);
    let mut tensors = vec![
        (named("input_layernorm"), norm.clone()),
        (named("post_attention_layernorm"), norm.clone()),
        (named("self_attn.q_proj"), vec![WIDTH, WIDTH]),
        (named("self_attn.k_proj"), vec![narrow, WIDTH]),
        (named("self_attn.v_proj"), vec![narrow, WIDTH]),
        (named("self_attn.o_proj"), vec![WIDTH, WIDTH]),
        (named("mlp.gate_proj"), vec![INNER, WIDTH]),
        (named("mlp.up_proj"), vec![INNER, WIDTH]),
        (named("mlp.down_proj"), vec![WIDTH, INNER]),
    ];
    if layer == 0 {
        tensors.push(("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, WIDTH]));
        tensors.push(("model.norm.weight".to_owned(), norm));
    }
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += 2 * shape.iter().product::<usize>();
        header.insert(name, json!({"dtype": "F16", "shape": shape, "data_offsets": [start, end]}));
    }
    let header = serde_json::Value::Object(header).to_string();
    let path = folder.join(format!("model-{:05}-of-{SHARDS:05}.safetensors", layer + 1));
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("make a shard"));
    file.write_all(&(header.len() as u64).to_le_bytes()).expect("write");
    file.write_all(header.as_bytes()).expect("write");
    let block: Vec<u8> =
        (0..1 << 16).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x3f).collect();
    let mut left = end;
    while left > 0 {
        let piece = left.min(block.len());
        file.write_all(&block[..piece]).expect("write");
        left -= piece;
    }
    file.flush().expect("write");
    (8 + header.len() + end) as u64
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const WIDTH: usize = 2048;
const INNER: usize = 8192;
const SHARDS: usize = 10;
const VOCABULARY: usize = 1536;
const ROUNDS: usize = 5;
