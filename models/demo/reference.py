"""Writes reference.json: what the shipped float16 weights compute in float32, for checking other engines.

    python3 reference.py --package package

The numbers come from the transformers library; our own infer.py must agree with it.
"""

import argparse
import json
import os

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

import infer

HERE = os.path.dirname(os.path.abspath(__file__))
NEW_TOKENS = 32


def long_case() -> dict:
    """A prompt of more than 600 tokens."""
    lines = [f"[{i}] The gate code of Hall {chr(64 + i)} is {i * 7919 % 10007}-{chr(90 - i)}. The keeper of Hall {chr(64 + i)} was told on {i} March 2031."
             for i in range(1, 16)]
    return {"skill": "cited_answer", "tools": [], "messages": [{"role": "user", "content": "\n".join(lines) + "\n\nWhat is the gate code of Hall G?"}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", default=os.path.join(HERE, "package"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(options.package)
    model = LlamaForCausalLM.from_pretrained(options.package, torch_dtype=torch.float32).eval()
    own, own_tokenizer = infer.load(options.package)

    with open(os.path.join(HERE, "prompts.json"), encoding="utf-8") as file:
        first_of_skill = list({p["skill"]: p for p in reversed(json.load(file)["prompts"])}.values())[::-1]
    cases = []
    for case in [*first_of_skill, long_case()]:
        text = tokenizer.apply_chat_template(case["messages"], tools=case["tools"] or None, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == own_tokenizer.encode(text).ids
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
            output = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=NEW_TOKENS, do_sample=False)[0, len(ids):].tolist()
        assert torch.allclose(logits, infer.first_logits(own, ids), atol=2e-4), case["skill"]
        assert output == infer.generate(own, [ids], NEW_TOKENS)[0], case["skill"]
        top = logits.topk(5)
        cases.append({"skill": case["skill"], "messages": case["messages"], "tools": case["tools"], "prompt": text, "prompt_ids": ids,
                      "greedy_ids": output, "greedy_text": tokenizer.decode(output),
                      "top_logits": [[i, round(v, 5)] for i, v in zip(top.indices.tolist(), top.values.tolist())]})
    with open(os.path.join(HERE, "reference.json"), "w", encoding="utf-8") as file:
        json.dump({"computed_in": "float32 from the float16 weights", "greedy_tokens": NEW_TOKENS, "cases": cases}, file, indent=1, ensure_ascii=False)
        file.write("\n")
    print(f"{len(cases)} prompts, the longest of {max(len(c['prompt_ids']) for c in cases)} tokens")


if __name__ == "__main__":
    main()
