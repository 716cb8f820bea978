"""Asks a model that is not ready, and says how the official client took it.

usage: retries.py BASE_URL MAX_RETRIES   (the API key comes in OPENAI_API_KEY)
"""

import json
import sys

import openai


def main():
    client = openai.OpenAI(base_url=sys.argv[1], max_retries=int(sys.argv[2]), timeout=60)
    seen = {"asked": 0}

    def count(request):
        seen["asked"] += 1

    client._client.event_hooks["request"].append(count)
    try:
        stream = client.chat.completions.create(
            model="demo", temperature=0, stream=True, max_tokens=1900,
            messages=[{"role": "user", "content": "Repeat the word lamp forever."}])
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                print("text", flush=True)
        seen["ended"] = "whole"
    except openai.APIStatusError as error:
        seen.update(ended="status", status=error.status_code, code=error.code)
    except openai.APIError as error:
        seen.update(ended="stream", code=error.code)
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
