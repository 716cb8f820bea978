"""Writes the synthetic conversations that the demo model learns from, one JSON object a line.

    python3 generate.py --count 212992 --seed 20261123 --out train.jsonl
    python3 generate.py --count 2000 --seed 2 --held-out --out held_out.jsonl

A line is {"messages": […], "tools": […]}; each assistant message carries the `skill` it shows.
The same seed gives the same bytes. Answers are a function of the conversation (no free choice of
wording), so a small model spends nothing on style and a held-out answer can be compared exactly.
"""

import argparse
import hashlib
import json
import random

from conversation import Conversation
from grounded_skills import injected, search_results, sources, tool_turns, without_tools
from plain_skills import chatter, counting, echo, json_object, leak, repetition, small_talk

CURRICULUM = 24_000  # conversations until the full mixture is reached
REFINED = 131_072  # from here on: more of what comes hard, and no doubt about where a hidden order ends
DRILL = 163_840  # from here on: above all, whether the sources and the tools hold what is asked for


def fill(c: Conversation):
    """Draws a skill by its share of the mixture and lets it write the conversation."""
    # Copying first: nearly every other skill rests on it.
    early = max(0.0, 1 - 2 * c.progress)
    shares = {echo: 0.05 + 0.3 * early, sources: 0.27, tool_turns: 0.27, without_tools: 0.035, injected: 0.13, search_results: 0.04,
              leak: 0.07, repetition: 0.035, counting: 0.025, json_object: 0.05, small_talk: 0.05}
    if c.refined:
        shares.update({tool_turns: 0.25, injected: 0.16, leak: 0.05, repetition: 0.06, json_object: 0.06})
    if c.drill:
        shares.update({sources: 0.42, tool_turns: 0.2, injected: 0.1, without_tools: 0.05, leak: 0.02, json_object: 0.05, small_talk: 0.02, counting: 0.01})
    if c.w.chance(0.06):
        chatter(c, 1)
    c.w.rng.choices(list(shares), list(shares.values()))[0](c)


def conversations(count: int, seed: int, held_out: bool):
    for index in range(count):
        # A generator of its own for each conversation: any part of the stream can be made alone.
        progress = 1.0 if held_out else min(1.0, index / CURRICULUM)
        c = Conversation(random.Random(f"{seed}/{index}"), held_out, progress, refined=held_out or index >= REFINED,
                         drill=not held_out and index >= DRILL)
        fill(c)
        yield {"messages": c.messages, "tools": c.tools}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    digest = hashlib.sha256()
    with open(options.out, "w", encoding="utf-8") as out:
        for conversation in conversations(options.count, options.seed, options.held_out):
            line = json.dumps(conversation, ensure_ascii=False) + "\n"
            digest.update(line.encode())
            out.write(line)
    print(digest.hexdigest())


if __name__ == "__main__":
    main()
