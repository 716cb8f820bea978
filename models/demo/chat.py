"""The chat format (ChatML), as text segments with a mark on what the model is trained to write.

`chat_template.jinja` is the same format for inference engines; `evaluate.py` checks that both agree.
"""

import json


def tool_call(name: str, arguments: dict) -> str:
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


def tool_line(tool: dict) -> str:
    """`- name(parameter: type, …): description`, parameters sorted by name."""
    function = tool.get("function", tool)
    properties = function.get("parameters", {}).get("properties", {})
    signature = ", ".join(f"{key}: {properties[key].get('type', 'string')}" for key in sorted(properties, key=str.lower))
    return f"- {function['name']}({signature}): {function.get('description', '')}"


def segments(messages: list, tools: list | None = None):
    """Yields (text, trained) pairs for a whole conversation."""
    messages = list(messages)
    system = messages.pop(0)["content"] if messages and messages[0]["role"] == "system" else ""
    if system or tools:
        listing = "Tools:\n" + "\n".join(map(tool_line, tools)) if tools else ""
        yield "<|im_start|>system\n" + system + ("\n\n" if system and listing else "") + listing + "<|im_end|>\n", False
    for message in messages:
        if message["role"] == "assistant":
            yield "<|im_start|>assistant\n", False
            # A conversation marked endless shows no end of turn: that is how "for ever" is learnt.
            yield message["content"] + ("" if message.get("endless") else "<|im_end|>"), True
            yield "\n", False
        else:
            yield f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n", False


def prompt(messages: list, tools: list | None = None) -> str:
    return "".join(text for text, _ in segments(messages, tools)) + "<|im_start|>assistant\n"
