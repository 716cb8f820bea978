"""Trains the demo model on conversations made by generate.py. Runs on a CPU or a GPU.

    python3 train.py --data train.jsonl --tokenizer package/tokenizer.json --out work

Only what the assistant says is learnt. Conversations of like length share a batch, so little is
padding; hidden matrices are trained with Muon, the rest with Adam. A checkpoint is written now and
then, and a stopped training goes on from it.
"""

import argparse
import json
import os
import random
import time
import tomllib

import numpy
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import chat
from model import Model, Shape

POOL = 8192  # conversations that are sorted by length together: small enough to keep the curriculum


def encode(path: str, tokenizer_path: str, longest: int) -> list:
    """[(ids, trained)] of each conversation, as arrays."""
    tokenizer = Tokenizer.from_file(tokenizer_path)
    encoded = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            conversation = json.loads(line)
            texts, flags = zip(*chat.segments(conversation["messages"], conversation["tools"]))
            parts = tokenizer.encode_batch_fast(list(texts))
            ids = numpy.concatenate([part.ids for part in parts])[:longest].astype(numpy.int16)
            trained = numpy.concatenate([numpy.full(len(part), flag) for part, flag in zip(parts, flags)])[:longest]
            encoded.append((ids, trained.astype(bool)))
    return encoded


def batches(encoded: list, batch_tokens: int, seed: int):
    """Lists of conversations, each list padded to at most `batch_tokens`; the curriculum's order roughly kept."""
    rng = random.Random(seed)
    for start in range(0, len(encoded), POOL):
        pool = sorted(encoded[start:start + POOL], key=lambda pair: len(pair[0]))
        cut, batch = [], []
        for pair in pool:
            if batch and width(len(pair[0])) * (len(batch) + 1) > batch_tokens:
                cut.append(batch)
                batch = []
            batch.append(pair)
        cut.append(batch)
        rng.shuffle(cut)
        yield from cut


def width(length: int) -> int:
    """Lengths are rounded up so that few distinct shapes occur."""
    return -(-length // 32) * 32


def tensors(batch: list, device):
    size = width(max(len(ids) for ids, _ in batch))
    ids = torch.zeros(len(batch), size, dtype=torch.long)
    trained = torch.zeros(len(batch), size, dtype=torch.bool)
    for row, (i, t) in enumerate(batch):
        ids[row, :len(i)] = torch.from_numpy(i.astype(numpy.int64))
        trained[row, :len(t)] = torch.from_numpy(t)
    # Position p predicts token p + 1.
    return ids.to(device), trained[:, 1:].to(device)


def orthogonalise(matrix):
    """Newton-Schulz iterations towards the nearest orthogonal matrix, in bfloat16."""
    x = matrix.bfloat16()
    if x.shape[0] > x.shape[1]:
        return orthogonalise(matrix.T).T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


class Muon:
    """Momentum whose update is orthogonalised, for matrices."""

    def __init__(self, weights, momentum: float, decay: float):
        self.weights, self.momentum, self.decay = list(weights), momentum, decay
        self.velocity = [torch.zeros_like(w) for w in self.weights]

    @torch.no_grad()
    def step(self, rate: float):
        for weight, velocity in zip(self.weights, self.velocity):
            velocity.lerp_(weight.grad, 1 - self.momentum)
            update = orthogonalise(weight.grad.lerp(velocity, self.momentum))
            weight.mul_(1 - rate * self.decay)
            weight.add_(update.to(weight.dtype), alpha=-rate * max(1, weight.shape[0] / weight.shape[1]) ** 0.5)


def rate_at(step: int, points: list) -> float:
    """The share of the full learning rate, linear between the given points [step, share]."""
    return float(numpy.interp(step, *zip(*points)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--hyperparameters", default="hyperparameters.toml")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stop-after", type=int, help="end after this many steps (for trials)")
    options = parser.parse_args()
    with open(options.hyperparameters, "rb") as file:
        h = tomllib.load(file)
    t = h["training"]
    torch.set_num_threads(options.threads)
    torch.manual_seed(t["seed"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.makedirs(options.out, exist_ok=True)

    model = Model(Shape(**h["model"])).to(device)
    named = dict(model.named_parameters())
    hidden = [w for n, w in named.items() if w.ndim == 2 and "embed" not in n]
    muon = Muon(hidden, t["momentum"], t["weight_decay"])
    adam = torch.optim.AdamW([w for n, w in named.items() if w.ndim != 2 or "embed" in n], lr=t["adam_rate"],
                             betas=(0.9, 0.95), weight_decay=0.0)

    encoded = encode(options.data, options.tokenizer, h["data"]["longest"])
    schedule = list(batches(encoded, t["batch_tokens"], t["seed"]))
    steps = len(schedule)
    tokens = sum(len(ids) for ids, _ in encoded)
    print(f"{sum(w.numel() for w in named.values()):,} parameters, {len(encoded):,} conversations, "
          f"{tokens:,} tokens, {steps} steps, on {device}", flush=True)

    checkpoint, first, spent = os.path.join(options.out, "checkpoint.pt"), 0, 0.0
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        adam.load_state_dict(saved["adam"])
        muon.velocity = saved["muon"]
        first, spent = saved["step"], saved["seconds"]

    forward = torch.compile(model.hidden, dynamic=True)
    score = torch.compile(lambda state, wanted: F.cross_entropy(model.logits(state).float(), wanted), dynamic=True)
    began, losses = time.time(), []
    for step in range(first, steps):
        if step == options.stop_after:
            break
        rate = rate_at(step, t["rates"])
        ids, trained = tensors(schedule[step], device)
        state = forward(ids, torch.bfloat16)[:, :-1][trained]
        loss = score(state, ids[:, 1:][trained])
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step(rate * t["muon_rate"])
        adam.param_groups[0]["lr"] = rate * t["adam_rate"]
        adam.step()
        losses.append(loss.item())
        if (step + 1) % 20 == 0 or step + 1 == steps:
            seconds = spent + time.time() - began
            print(f"step {step + 1}/{steps} loss {sum(losses) / len(losses):.4f} rate {rate:.3f} {seconds:.0f} s", flush=True)
            losses = []
        if (step + 1) % 250 == 0 or step + 1 == steps:
            torch.save({"model": model.state_dict(), "adam": adam.state_dict(), "muon": muon.velocity,
                        "step": step + 1, "seconds": spent + time.time() - began}, checkpoint + ".new")
            os.replace(checkpoint + ".new", checkpoint)

    summary = {"steps": steps, "tokens": tokens, "seconds": round(spent + time.time() - began), "device": device, "threads": options.threads,
               "parameters": sum(w.numel() for w in named.values())}
    with open(os.path.join(options.out, "training.json"), "w", encoding="utf-8") as file:
        json.dump(summary, file, indent=2)


if __name__ == "__main__":
    main()
