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

/// Measures `stockade package verify` on a package of a gibibyte and more, and on a small one.
pub(crate) fn measure(table: &mut Table) {
    let folder = places::scratch("large");
    let bytes = write_model(folder.path());
    let large = Package::of(folder.path(), "large", Format::Safetensors);
    drop(folder);
    let small = Package::demo();
    let (mut hashes, mut speeds, mut ratios, mut starts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let hash = hash_speed();
        let (fixed, whole) = (verify(&small), verify(&large));
        let speed = bytes as f64 / GIB / whole.saturating_sub(fixed).as_secs_f64();
        hashes.push(hash);
        speeds.push(speed);
        ratios.push(speed / hash);
        starts.push(fixed);
    }
    table.add(
        Row::new("SHA-256 in memory, two threads", Samples::new(hashes).median(), "GiB/s")
            .note("the same library, hot"),
    );
    let fixed = Samples::of_times(starts).median();
    table.add(Row::new("verification, small package", fixed, "ms").note(
        "the whole command on the demo model: supervisor, jail and its probes, signature, digests, headers",
    ));
    let note = format!("{:.2} GiB in {SHARDS} files, less the time of the small one", bytes as f64 / GIB);
    table.add(Row::new("verification", Samples::new(speeds).median(), "GiB/s").note(note));
    let note = format!("median of {ROUNDS} rounds in turn");
    table.add(
        Row::new("verification over the hash alone", Samples::new(ratios).median(), "×")
            .at_least(0.9)
            .note(note),
    );
}

/// How long `stockade package verify` takes.
fn verify(package: &Package) -> Duration {
    let state = places::scratch("state");
    let key = state.path().join("publisher.pem");
    fs::write(&key, Signer::trusted().public_pem()).expect("write a key");
    let [state, key, place] = [state.path(), &key, package.path()].map(|path| path.display().to_string());
    let signer = format!("publisher={key}");
    let begun = Instant::now();
    let arguments = ["package", "verify", "--json", "--state", &state, "--signer", &signer, &place];
    let ran = command::stockade(places::programs(Build::Release), &arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    begun.elapsed()
}

/// How fast two threads hash what lies in memory.
fn hash_speed() -> f64 {
    let block = vec![0x5a_u8; 64 << 20];
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..4).for_each(|_| _ = std::hint::black_box(hash(&block))));
        }
    });
    8.0 * block.len() as f64 / GIB / begun.elapsed().as_secs_f64()
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
const ROUNDS: usize = 7;
