"""Converts the package to one GGUF file with Q8_0 weights (norms stay float32), and checks it.

    python3 to_gguf.py --package package --out package-gguf/model-q8_0.gguf
"""

import argparse
import json
import os

import gguf
import numpy
from safetensors.numpy import load_file

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
Q8_0 = gguf.GGMLQuantizationType.Q8_0


def gguf_name(name: str) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def interleave(weight, heads: int):
    """GGUF's llama rotates neighbours (2i, 2i + 1); transformers rotates halves (i, i + half)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensors(package: str, config: dict):
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, weight in sorted(load_file(os.path.join(package, "model.safetensors")).items()):
        weight = weight.astype(numpy.float32)
        for part, count in heads.items():
            if part in name:
                weight = interleave(weight, count)
        yield gguf_name(name), weight


def write(package: str, out: str, read):
    config, tokenizer, settings = read("config.json"), read("tokenizer.json"), read("tokenizer_config.json")
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_name("Stockade demo")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])

    special = {token["id"] for token in tokenizer["added_tokens"]}
    tokens = sorted(tokenizer["model"]["vocab"].items(), key=lambda pair: pair[1])
    assert [i for _, i in tokens] == list(range(config["vocab_size"]))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_types([gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for _, i in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(settings["chat_template"])

    for name, weight in tensors(package, config):
        if weight.ndim == 1:
            writer.add_tensor(name, weight)
        else:
            writer.add_tensor(name, gguf.quants.quantize(weight, Q8_0), raw_dtype=Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check(package: str, out: str, config: dict) -> float:
    """Reads the file back; returns the largest error of a weight, in parts of its block's largest weight."""
    found = {t.name: t for t in gguf.GGUFReader(out).tensors}
    worst = 0.0
    for name, weight in tensors(package, config):
        tensor = found.pop(name)
        assert list(tensor.shape) == list(reversed(weight.shape)), name
        back = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(weight.shape)
        if weight.ndim == 1:
            assert (back == weight).all(), name
            continue
        blocks = numpy.abs(weight).reshape(-1, 32).max(1)
        error = numpy.abs(back - weight).reshape(-1, 32).max(1)
        worst = max(worst, float((error / numpy.maximum(blocks, 1e-12)).max()))
    assert not found, found
    # Half a step of 1/127, and the rounding of the float16 scale.
    assert worst < 0.0045, worst
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", default="package")
    parser.add_argument("--out", default="package-gguf/model-q8_0.gguf")
    options = parser.parse_args()

    def read(name: str) -> dict:
        with open(os.path.join(options.package, name), encoding="utf-8") as file:
            return json.load(file)

    os.makedirs(os.path.dirname(options.out) or ".", exist_ok=True)
    write(options.package, options.out, read)
    worst = check(options.package, options.out, read("config.json"))
    print(f"{options.out}: {os.path.getsize(options.out):,} bytes, worst relative rounding {worst:.5f}")


if __name__ == "__main__":
    main()
