#!/bin/sh
# Makes everything in package/ and package-gguf/ again, from nothing but these programs.
# Takes about an hour and a half on one core with AMX, longer elsewhere; needs `pip install -r requirements.txt`.
set -eu
cd "$(dirname "$0")"
work=${1:-work}
mkdir -p "$work" package package-gguf
setting() { python3 -c "import tomllib; print(tomllib.load(open('hyperparameters.toml', 'rb'))['$1']['$2'])"; }

python3 generate.py --count "$(setting data conversations)" --seed "$(setting data seed)" --out "$work/train.jsonl"
python3 train_tokenizer.py --data "$work/train.jsonl" --vocabulary "$(setting model vocabulary)" --out package/tokenizer.json
python3 train.py --data "$work/train.jsonl" --tokenizer package/tokenizer.json --out "$work"
python3 export.py --checkpoint "$work/checkpoint.pt"
python3 to_gguf.py
python3 provenance.py --training "$work/training.json"
python3 evaluate.py
python3 check_prompts.py
python3 reference.py
