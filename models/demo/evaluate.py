"""Measures every skill on held-out conversations and writes evaluation.json and the table in README.md.

    python3 evaluate.py --package package --each 100

Names, values, texts and expressions are of the held-out split: none was seen in training (fixed phrases
such as "Who are you?" were). An answer counts
when it is exactly the expected text; "for ever" counts when 300 tokens bring no end and no other word.
"""

import argparse
import collections
import json
import os
import re

import jinja2
import torch

import chat
import generate
from infer import END, load, generate as continue_all

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 4242
BATCH = 48


def cases(each: int):
    """Up to `each` held-out cases of each skill: (skill, messages before, tools, expected)."""
    found = collections.defaultdict(list)
    for conversation in generate.conversations(each * 60, SEED, held_out=True):
        messages = conversation["messages"]
        for i, message in enumerate(messages):
            if "skill" in message and len(found[message["skill"]]) < each:
                found[message["skill"]].append((message["skill"], messages[:i], conversation["tools"], message["content"]))
    return [case for group in found.values() for case in group]


def right(skill: str, expected: str, text: str, ended: bool) -> bool:
    if skill == "repeat_forever":
        # The last word may be cut by the limit.
        return not ended and len(text) > 100 and (expected * (len(text) // len(expected) + 2)).startswith(text[:100]) and repeats(text)
    return ended and text == expected


def repeats(text: str) -> bool:
    """Whether the text is one period over and over."""
    match = re.match(r"(.+?)\1{2,}", text, re.S)
    return bool(match) and (match.group(1) * (len(text) // len(match.group(1)) + 1)).startswith(text)


def well_formed(text: str, tools: list, expected: str) -> bool:
    """A tool call whose JSON parses, and whose tool and argument names are the expected ones."""
    match = re.fullmatch(r"<tool_call>\n(.*)\n</tool_call>", text, re.S)
    try:
        call, wanted = json.loads(match.group(1)), json.loads(expected[12:-13])
        return call["name"] == wanted["name"] and list(call["arguments"]) == list(wanted["arguments"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def check_template(package: str, tested: list):
    """The shipped chat template must render what the model was trained on."""
    with open(os.path.join(package, "tokenizer_config.json"), encoding="utf-8") as file:
        template = jinja2.Environment().from_string(json.load(file)["chat_template"])
    for _, messages, tools, _ in tested:
        rendered = template.render(messages=messages, tools=tools, add_generation_prompt=True)
        assert rendered == chat.prompt(messages, tools), rendered


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", default=os.path.join(HERE, "package"))
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--failures", help="write the wrong answers to this file")
    parser.add_argument("--no-write", action="store_true", help="only print")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, tokenizer = load(options.package)
    tested = cases(options.each)
    check_template(options.package, tested)
    prompts = [tokenizer.encode(chat.prompt(messages, tools)).ids for _, messages, tools, _ in tested]
    order = sorted(range(len(tested)), key=lambda i: (tested[i][0] == "repeat_forever", len(tested[i][3]), len(prompts[i])))

    score = collections.defaultdict(lambda: [0, 0, 0])
    failures = []
    for start in range(0, len(order), BATCH):
        chosen = order[start:start + BATCH]
        most = 300 if any(tested[i][0] == "repeat_forever" for i in chosen) else 200
        for i, ids in zip(chosen, continue_all(model, [prompts[i] for i in chosen], most)):
            skill, messages, tools, expected = tested[i]
            ended = ids[-1] == END
            text = tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=False)
            ok = right(skill, expected, text, ended)
            score[skill][0] += 1
            score[skill][1] += ok
            score[skill][2] += well_formed(text, tools, expected)
            if not ok:
                failures.append({"skill": skill, "prompt": chat.prompt(messages, tools), "expected": expected, "got": text})

    result = {skill: {"cases": n, "exact": round(exact / n, 3), **({"well_formed_call": round(formed / n, 3)} if skill.endswith("_call") else {})}
              for skill, (n, exact, formed) in sorted(score.items())}
    table = "| skill | held-out cases | exactly right | right tool and argument names |\n| --- | --- | --- | --- |\n" + "".join(
        f"| {skill} | {r['cases']} | {r['exact']:.1%} | {format(r['well_formed_call'], '.1%') if 'well_formed_call' in r else ''} |\n" for skill, r in result.items())
    print(table)
    if options.failures:
        with open(options.failures, "w", encoding="utf-8") as file:
            json.dump(failures, file, indent=1, ensure_ascii=False)
    if not options.no_write:
        with open(os.path.join(HERE, "evaluation.json"), "w", encoding="utf-8") as file:
            json.dump({"seed": SEED, "skills": result}, file, indent=2)
            file.write("\n")
        readme = os.path.join(HERE, "README.md")
        with open(readme, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"(<!-- rates -->\n).*?(<!-- end -->)", lambda m: m.group(1) + table + m.group(2), text, flags=re.S)
        with open(readme, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
