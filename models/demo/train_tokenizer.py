"""Trains the byte-level BPE tokenizer on generated conversations.

    python3 train_tokenizer.py --data train.jsonl --vocabulary 1536 --out package/tokenizer.json

The pre-tokenizer is the one that inference engines know as "qwen2": digits stand alone.
"""

import argparse
import itertools
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import chat

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
# The ids of these are 0, 1 and 2.
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# A longer data set leaves the tokenizer as it is.
CONVERSATIONS = 131_072


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=options.vocabulary, special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)

    with open(options.data, encoding="utf-8") as lines:
        # Every seventh, so that all of the curriculum is seen.
        texts = (text for line in itertools.islice(lines, 0, CONVERSATIONS, 7)
                 for text, _ in chat.segments(**{k: json.loads(line)[k] for k in ("messages", "tools")}))
        tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(options.out)


if __name__ == "__main__":
    main()
