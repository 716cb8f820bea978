"""Writes package/provenance.json: an in-toto statement of what the shipped weights were made from.

    python3 provenance.py --training training.json

The data set is generated anew and hashed, so the statement cannot name data that the generator does
not make. The copy beside the GGUF file is the same text.
"""

import argparse
import hashlib
import json
import os
import platform
import tomllib
from importlib.metadata import version

import generate

HERE = os.path.dirname(os.path.abspath(__file__))
SUBJECTS = ("package/model.safetensors", "package/tokenizer.json", "package-gguf/model-q8_0.gguf")
DEPENDENCIES = {
    "training program": ("train.py", "model.py", "chat.py"),
    "data generator": ("generate.py", "conversation.py", "grounded_skills.py", "plain_skills.py", "words.py", "facts.py", "tool_families.py"),
    "tokenizer program": ("train_tokenizer.py",),
    "export programs": ("export.py", "to_gguf.py", "chat_template.jinja"),
    "hyperparameters": ("hyperparameters.toml",),
}
LIBRARIES = ("torch", "numpy", "tokenizers", "safetensors", "gguf")


def digest(name: str) -> dict:
    with open(os.path.join(HERE, name), "rb") as file:
        return {"sha256": hashlib.sha256(file.read()).hexdigest()}


def dataset_digest(count: int, seed: int) -> dict:
    """Of the lines that generate.py writes."""
    running = hashlib.sha256()
    for conversation in generate.conversations(count, seed, held_out=False):
        running.update((json.dumps(conversation, ensure_ascii=False) + "\n").encode())
    return {"sha256": running.hexdigest()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--training", default=os.path.join(HERE, "training.json"), help="the summary that train.py wrote")
    parser.add_argument("--machine", help="the kind of machine that trained, in words")
    parser.add_argument("--note", help="what else is to be known about the run")
    options = parser.parse_args()
    with open(os.path.join(HERE, "hyperparameters.toml"), "rb") as file:
        h = tomllib.load(file)
    with open(options.training, encoding="utf-8") as file:
        training = json.load(file)

    data = h["data"]
    dependencies = [{"name": f"{role}: {name}", "uri": f"models/demo/{name}", "digest": digest(name)}
                    for role, names in DEPENDENCIES.items() for name in names]
    dependencies.append({"name": "training data: the output of the data generator", "digest": dataset_digest(data["conversations"], data["seed"])})
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": os.path.basename(name), "digest": digest(name)} for name in SUBJECTS],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://stockade.dev/training/v1",
                "externalParameters": {"dataSeed": data["seed"], "trainingSeed": h["training"]["seed"], "conversations": data["conversations"]},
                "internalParameters": {"model": h["model"], "training": h["training"]},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": "https://stockade.dev/training/v1/local",
                            "version": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}},
                "metadata": {"stockade.dev/machine": options.machine or f"{training['device']}, threads: {training['threads']}",
                             "stockade.dev/steps": training["steps"],
                             "stockade.dev/tokens": training["tokens"], "stockade.dev/seconds": training["seconds"],
                             **({"stockade.dev/note": options.note} if options.note else {})},
            },
        },
    }
    for folder in ("package", "package-gguf"):
        with open(os.path.join(HERE, folder, "provenance.json"), "w", encoding="utf-8") as file:
            json.dump(statement, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
