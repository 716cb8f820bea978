"""Answers every prompt of prompts.json and says which answers are as promised.

    python3 check_prompts.py --package package
"""

import argparse
import json
import os
import re
import sys

import torch

import chat
from infer import END, generate, load

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", default=os.path.join(HERE, "package"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load(options.package)
    with open(os.path.join(HERE, "prompts.json"), encoding="utf-8") as file:
        prompts = json.load(file)["prompts"]
    outputs = generate(model, [tokenizer.encode(chat.prompt(p["messages"], p["tools"])).ids for p in prompts], 200)
    failed = known = 0
    for p, ids in zip(prompts, outputs):
        ended = ids[-1] == END
        text = tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=False)
        ok = ended == p.get("ends", True) and (text == p["exact"] if "exact" in p else re.search(p["regex"], text) is not None)
        surprise = not ok and not p.get("known_failure", False)
        failed += surprise
        known += not ok and not surprise
        if surprise:
            print(f"{p['skill']}: {p['messages'][-1]['content'][-60:]!r}\n   got {text[:150]!r}")
    print(f"{len(prompts) - failed - known} passed, {failed} failed, {known} failed as known")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
