"""Greedy generation with the exported weights, in float32 on the CPU: small, slow, plain."""

import json
import os

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from model import Model, Shape

END = 2  # <|im_end|>


def load(package: str) -> tuple[Model, Tokenizer]:
    with open(os.path.join(package, "config.json"), encoding="utf-8") as file:
        c = json.load(file)
    model = Model(Shape(c["vocab_size"], c["hidden_size"], c["num_hidden_layers"], c["num_attention_heads"], c["num_key_value_heads"],
                        c["head_dim"], c["intermediate_size"], c["max_position_embeddings"], c["rope_theta"], c["rms_norm_eps"]))
    model.load_state_dict({name: weight.float() for name, weight in load_file(os.path.join(package, "model.safetensors")).items()})
    return model.eval(), Tokenizer.from_file(os.path.join(package, "tokenizer.json"))


class Past:
    """Keys and values of all rows. Each row has its own length, so prompts of any lengths share a batch."""

    def __init__(self, model: Model, rows: int, size: int):
        shape = (rows, model.shape.kv_heads, size, model.shape.head_width)
        self.kept = {block.self_attn: (torch.zeros(shape), torch.zeros(shape)) for block in model.model.layers}
        self.positions = None

    def extend(self, attention, k, v):
        keys, values = self.kept[attention]
        index = self.positions[:, None, :, None].expand_as(k)
        keys.scatter_(2, index, k)
        values.scatter_(2, index, v)
        # Padding of a short prompt lies after its end: hidden by this mask until it is overwritten.
        mask = torch.arange(keys.shape[2])[None, None, None] <= self.positions[:, None, :, None]
        return keys, values, mask


@torch.no_grad()
def generate(model: Model, prompts: list, most: int) -> list:
    """The ids that follow each prompt, the closing <|im_end|> included, `most` at most."""
    lengths = torch.tensor([len(p) for p in prompts])
    longest = int(lengths.max())
    past = Past(model, len(prompts), longest + most)
    ids = torch.tensor([p + [0] * (longest - len(p)) for p in prompts])
    past.positions = torch.arange(longest).expand(len(prompts), -1)
    rows = torch.arange(len(prompts))
    state = model.hidden(ids, positions=past.positions, past=past)[rows, lengths - 1]
    written = [[] for _ in prompts]
    done = torch.zeros(len(prompts), dtype=torch.bool)
    for step in range(most):
        following = model.logits(state).argmax(-1)
        for row in rows[~done].tolist():
            written[row].append(int(following[row]))
        done |= following == END
        if done.all() or step + 1 == most:
            break
        past.positions = (lengths + step)[:, None]
        state = model.hidden(following[:, None], positions=past.positions, past=past)[:, 0]
    return written


@torch.no_grad()
def first_logits(model: Model, prompt: list):
    return model.logits(model.hidden(torch.tensor([prompt]))[0, -1])
