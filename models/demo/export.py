"""Writes the shipped package from a training checkpoint: float16 weights and their configuration.

    python3 export.py --checkpoint work/checkpoint.pt --package package
"""

import argparse
import json
import os
import tomllib

import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def write_json(path: str, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--package", default="package")
    parser.add_argument("--hyperparameters", default=os.path.join(HERE, "hyperparameters.toml"))
    options = parser.parse_args()
    with open(options.hyperparameters, "rb") as file:
        m = tomllib.load(file)["model"]

    weights = torch.load(options.checkpoint, map_location="cpu", weights_only=True)["model"]
    os.makedirs(options.package, exist_ok=True)
    path = lambda name: os.path.join(options.package, name)
    save_file({name: weight.half().contiguous() for name, weight in sorted(weights.items())}, path("model.safetensors"), {"format": "pt"})

    write_json(path("config.json"), {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float16",
        "vocab_size": m["vocabulary"], "hidden_size": m["width"], "intermediate_size": m["ffn"],
        "num_hidden_layers": m["layers"], "num_attention_heads": m["heads"], "num_key_value_heads": m["kv_heads"],
        "head_dim": m["head_width"], "max_position_embeddings": m["context"], "rope_theta": m["rope_theta"], "rope_scaling": None,
        "rms_norm_eps": m["norm_epsilon"], "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0, "use_cache": True})
    write_json(path("generation_config.json"), {
        "bos_token_id": 0, "eos_token_id": [2, 0], "pad_token_id": 0, "do_sample": False, "max_new_tokens": 256})
    with open(os.path.join(HERE, "chat_template.jinja"), encoding="utf-8") as file:
        template = file.read()
    token = lambda text: {"content": text, "special": True, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    write_json(path("tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": m["context"], "clean_up_tokenization_spaces": False,
        "add_bos_token": False, "bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None,
        "added_tokens_decoder": {str(i): token(t) for i, t in enumerate(("<|endoftext|>", "<|im_start|>", "<|im_end|>"))},
        "chat_template": template})


if __name__ == "__main__":
    main()
