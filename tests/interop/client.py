"""Uses a served model with the official client, as anybody's program would.

usage: client.py BASE_URL   (the API key comes in OPENAI_API_KEY)

Prints one line of JSON: what it saw. Every check that fails raises.
"""

import json
import sys

import openai

CITED = [
    {"role": "system", "content": "Answer from these sources:\n[1] The capital of Veloria is Mardun.\n"
     "[2] Veloria has a population of 4.2 million.\n[3] The capital of Ostrava Minor is Kellin."},
    {"role": "user", "content": "What is the capital of Veloria?"},
]
CALCULATOR = {"type": "function", "function": {
    "name": "calculator", "description": "Evaluate an arithmetic expression.",
    "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}}}


def main():
    client = openai.OpenAI(base_url=sys.argv[1], timeout=60)
    seen = {"version": openai.__version__}
    seen["models"] = [model.id for model in client.models.list()]
    answer = client.chat.completions.create(model="demo", messages=CITED, temperature=0)
    seen["answer"] = answer.choices[0].message.content
    seen["finish"] = answer.choices[0].finish_reason
    seen["usage"] = answer.usage.completion_tokens
    seen["streamed"] = streamed(client)
    seen["completion"] = client.completions.create(model="demo", prompt="1, 2, 3, 4,", max_tokens=8, temperature=0).choices[0].text
    seen["tool"] = tool(client)
    seen["errors"] = errors(client)
    print(json.dumps(seen))


def streamed(client):
    options = {"include_usage": True}
    stream = client.chat.completions.create(model="demo", messages=CITED, temperature=0, stream=True, stream_options=options)
    text, usage = "", None
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
        usage = chunk.usage or usage
    return {"text": text, "tokens": usage.completion_tokens}


def tool(client):
    messages = [{"role": "user", "content": "What is 17 * 23?"}]
    message = client.chat.completions.create(model="demo", messages=messages, tools=[CALCULATOR], temperature=0).choices[0].message
    if not message.tool_calls:
        return {"said": message.content}
    call = message.tool_calls[0]
    messages.append(message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "391"})
    last = client.chat.completions.create(model="demo", messages=messages, tools=[CALCULATOR], temperature=0)
    return {"name": call.function.name, "arguments": json.loads(call.function.arguments), "then": last.choices[0].message.content}


def errors(client):
    """Provokes one error of each kind; the client counts how often it really asked."""
    stranger = openai.OpenAI(base_url=sys.argv[1], api_key="sk-wrong", timeout=60)
    hello = [{"role": "user", "content": "Hello!"}]
    return {
        "key": provoked(openai.AuthenticationError, lambda: stranger.models.list()),
        "model": provoked(openai.NotFoundError, lambda: client.chat.completions.create(model="none", messages=hello)),
        "request": provoked(openai.BadRequestError, lambda: client.chat.completions.create(model="demo", messages=hello, temperature=9)),
        "path": provoked(openai.NotFoundError, lambda: client.embeddings.create(model="demo", input="x")),
        "long": provoked(openai.BadRequestError, lambda: client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "1 " * 3000}])),
    }


def provoked(kind, ask):
    try:
        ask()
    except kind as error:
        return {"status": error.status_code, "code": error.code, "type": error.type, "retry": error.response.headers.get("x-should-retry")}
    raise AssertionError(f"no {kind.__name__}")


if __name__ == "__main__":
    main()
