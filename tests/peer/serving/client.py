"""OpenAI's own Python client (3.57.0) asks a server: models, an answer, a stream, and each refusal by the class of its exception.

client.py URL TOKEN exits 0 when all is as the client expects it. The server has the models base and patient.
"""
import sys

import openai

url, token = sys.argv[1:]
client = openai.OpenAI(base_url=url, api_key=token, max_retries=0)
question = [{"role": "user", "content": "What is gout?"}]


def refused(kind, code, ask):
    try:
        ask()
    except kind as e:
        assert e.code == code, (e.code, code)
        return
    raise AssertionError(f"expected {kind.__name__}")


names = [m.id for m in client.models.list()]
assert names[:2] == ["base", "patient"], names
assert client.models.retrieve("patient").owned_by == "elara"

for name in names:
    whole = client.chat.completions.create(model=name, messages=question, temperature=0, max_completion_tokens=24)
    assert whole.choices[0].finish_reason in ("stop", "length")
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    pieces, usage = [], None
    for chunk in client.chat.completions.create(
        model=name, messages=question, temperature=0, max_tokens=24, stream=True, stream_options={"include_usage": True}
    ):
        if chunk.choices:
            pieces.append(chunk.choices[0].delta.content or "")
        usage = chunk.usage or usage
    assert "".join(pieces) == whole.choices[0].message.content
    assert usage == whole.usage, (usage, whole.usage)

same = [
    client.chat.completions.create(model="base", messages=question, seed=7, temperature=1.0, top_p=0.9, max_tokens=12).choices[0].message.content
    for _ in range(2)
]
assert same[0] == same[1]
client.chat.completions.create(model="base", messages=question, max_tokens=2, extra_body={"audience": "emergency"})

create = client.chat.completions.create
refused(openai.NotFoundError, "model_not_found", lambda: create(model="gpt", messages=question))
refused(openai.BadRequestError, "unsupported_value", lambda: create(model="base", messages=question, n=2))
refused(openai.BadRequestError, "unknown_parameter", lambda: create(model="base", messages=question, reasoning_effort="low"))
refused(openai.BadRequestError, "context_length_exceeded", lambda: create(model="base", messages=question, max_tokens=10**6))
stranger = openai.OpenAI(base_url=url, api_key="another-token-than-it", max_retries=0)
refused(openai.AuthenticationError, "invalid_api_key", lambda: stranger.models.list())
