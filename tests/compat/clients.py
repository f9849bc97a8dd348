"""Runs a short scenario for each official client and feature against `citer serve`, and prints a table.

Ends with 1 where one fails. A client that is not installed is named as that.
"""

import asyncio
import importlib.metadata
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Literal

import citer_server

QUESTION = "Question: Xenia has 136 dollars. She spends 29 dollars on badges. How many dollars does Xenia keep?"
MESSAGES = [{"role": "user", "content": QUESTION}]
KEY = "no-key"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"enum": ["Paris", "Rome"]}},
    "required": ["city"],
    "additionalProperties": False,
}
SCENARIOS = []


def scenario(package, feature):
    def add(function):
        SCENARIOS.append((package, feature, function))
        return function

    return add


def mood_type():
    from pydantic import BaseModel

    class Mood(BaseModel):
        mood: Literal["good", "bad"]
        sure: bool

    return Mood


# OpenAI


def openai_client(url):
    from openai import OpenAI

    return OpenAI(base_url=url + "/v1", api_key=KEY)


@scenario("openai", "chat")
def _(url):
    answer = openai_client(url).chat.completions.create(model="gpt-4o", messages=MESSAGES, max_tokens=60)
    assert answer.choices[0].message.content and answer.usage.completion_tokens > 0


@scenario("openai", "stream")
def _(url):
    create = openai_client(url).chat.completions.create
    whole = create(model="gpt-4o", messages=MESSAGES, max_tokens=60).choices[0].message.content
    chunks = create(
        model="gpt-4o", messages=MESSAGES, max_tokens=60, stream=True, stream_options={"include_usage": True}
    )
    text, usage = "", None
    for chunk in chunks:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    assert text == whole and usage.completion_tokens > 0


@scenario("openai", "tools")
def _(url):
    tool = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
    message = (
        openai_client(url)
        .chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=[tool], tool_choice="required")
        .choices[0]
        .message
    )
    assert json.loads(message.tool_calls[0].function.arguments)["city"] in ("Paris", "Rome")
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    answer = openai_client(url).chat.completions.create(
        model="gpt-4o", messages=[*MESSAGES, message, result], tools=[tool], max_tokens=20
    )
    assert answer.choices[0].finish_reason in ("stop", "length")


@scenario("openai", "structured output")
def _(url):
    parse = openai_client(url).chat.completions.parse
    answer = parse(model="gpt-4o", messages=MESSAGES, response_format=mood_type())
    assert answer.choices[0].message.parsed.mood in ("good", "bad")


@scenario("openai", "logprobs")
def _(url):
    choice = (
        openai_client(url)
        .chat.completions.create(model="gpt-4o", messages=MESSAGES, max_tokens=9, logprobs=True, top_logprobs=3)
        .choices[0]
    )
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
    assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in choice.logprobs.content)


@scenario("openai", "completions with echo")
def _(url):
    choice = (
        openai_client(url)
        .completions.create(model="gpt-4o", prompt=QUESTION, max_tokens=0, echo=True, logprobs=1)
        .choices[0]
    )
    assert choice.text == QUESTION and choice.logprobs.token_logprobs[0] is None


@scenario("openai", "responses")
def _(url):
    client = openai_client(url)
    whole = client.responses.create(model="gpt-4o", input=QUESTION, max_output_tokens=60, store=False)
    stream = client.responses.create(
        model="gpt-4o", input=QUESTION, max_output_tokens=60, store=False, stream=True
    )
    text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    assert text and text == whole.output_text
    parsed = client.responses.parse(model="gpt-4o", input=QUESTION, text_format=mood_type(), store=False)
    assert parsed.output_parsed.mood in ("good", "bad")


@scenario("openai", "models")
def _(url):
    names = [model.id for model in openai_client(url).models.list()]
    assert "citer" in names and openai_client(url).models.retrieve("llm").id == "llm"


# Anthropic


def anthropic_client(url):
    from anthropic import Anthropic

    return Anthropic(base_url=url, api_key=KEY)


@scenario("anthropic", "messages")
def _(url):
    client = anthropic_client(url)
    answer = client.messages.create(model="claude", max_tokens=60, messages=MESSAGES)
    assert answer.content[0].text and answer.usage.output_tokens > 0
    counted = client.messages.count_tokens(model="claude", messages=MESSAGES)
    assert counted.input_tokens == answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)


@scenario("anthropic", "stream")
def _(url):
    client = anthropic_client(url)
    whole = client.messages.create(model="claude", max_tokens=60, messages=MESSAGES).content[0].text
    with client.messages.stream(model="claude", max_tokens=60, messages=MESSAGES) as stream:
        assert "".join(stream.text_stream) == whole


@scenario("anthropic", "tools")
def _(url):
    tool = {"name": "weather", "description": "The weather.", "input_schema": PARAMETERS}
    answer = anthropic_client(url).messages.create(
        model="claude", max_tokens=200, messages=MESSAGES, tools=[tool], tool_choice={"type": "any"}
    )
    call = next(block for block in answer.content if block.type == "tool_use")
    assert call.input["city"] in ("Paris", "Rome") and answer.stop_reason == "tool_use"


@scenario("anthropic", "prefill")
def _(url):
    begun = [*MESSAGES, {"role": "assistant", "content": "Xenia keeps"}]
    answer = anthropic_client(url).messages.create(model="claude", max_tokens=20, messages=begun)
    assert not answer.content[0].text.startswith("Xenia keeps")


# LangChain


def langchain_model(url, **settings):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(base_url=url + "/v1", api_key=KEY, model="gpt-4o", max_tokens=100, **settings)


@scenario("langchain-openai", "chat")
def _(url):
    answer = langchain_model(url).invoke(QUESTION)
    assert answer.content and answer.usage_metadata["output_tokens"] > 0


@scenario("langchain-openai", "stream")
def _(url):
    model = langchain_model(url)
    assert "".join(chunk.content for chunk in model.stream(QUESTION)) == model.invoke(QUESTION).content


@scenario("langchain-openai", "tools")
def _(url):
    def weather(city: Literal["Paris", "Rome"]) -> str:
        """The weather of a city."""

    calls = langchain_model(url).bind_tools([weather], tool_choice="required").invoke(QUESTION).tool_calls
    assert calls[0]["name"] == "weather" and calls[0]["args"]["city"] in ("Paris", "Rome")


@scenario("langchain-openai", "structured output")
def _(url):
    for method in ("json_schema", "function_calling"):
        mood = langchain_model(url).with_structured_output(mood_type(), method=method).invoke(QUESTION)
        assert mood.mood in ("good", "bad")


@scenario("langchain-openai", "logprobs")
def _(url):
    answer = langchain_model(url, logprobs=True, top_logprobs=2).invoke(QUESTION)
    assert len(answer.response_metadata["logprobs"]["content"]) > 0


# Instructor


@scenario("instructor", "structured output")
def _(url):
    import instructor

    for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
        client = instructor.from_openai(openai_client(url), mode=mode)
        mood = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, response_model=mood_type())
        assert mood.mood in ("good", "bad")


@scenario("instructor", "stream")
def _(url):
    import instructor

    client = instructor.from_openai(openai_client(url), mode=instructor.Mode.JSON_SCHEMA)
    parts = client.chat.completions.create_partial(
        model="gpt-4o", messages=MESSAGES, response_model=mood_type()
    )
    assert list(parts)[-1].mood in ("good", "bad")


# Pydantic AI


def pydantic_agent(url, **settings):
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=url + "/v1", api_key=KEY)
    return Agent(OpenAIChatModel("gpt-4o", provider=provider), model_settings={"max_tokens": 400}, **settings)


@scenario("pydantic-ai-slim", "chat")
def _(url):
    assert pydantic_agent(url).run_sync(QUESTION).output


@scenario("pydantic-ai-slim", "stream")
def _(url):
    async def streamed():
        async with pydantic_agent(url).run_stream(QUESTION) as run:
            return "".join([text async for text in run.stream_text(delta=True)])

    assert asyncio.run(streamed())


@scenario("pydantic-ai-slim", "tools")
def _(url):
    assert pydantic_agent(url, output_type=mood_type()).run_sync(QUESTION).output.mood in ("good", "bad")


@scenario("pydantic-ai-slim", "structured output")
def _(url):
    from pydantic_ai import NativeOutput

    agent = pydantic_agent(url, output_type=NativeOutput(mood_type()))
    assert agent.run_sync(QUESTION).output.mood in ("good", "bad")


# lm-evaluation-harness


def evaluate(url, model, task, arguments):
    """The results of a task of four examples, which stand in a file of their own."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OPENAI_API_KEY": KEY}
    import lm_eval

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "examples.jsonl"
        examples = [
            {"question": f"Question: {a} + {b} =", "choices": [str(a + b), str(a + b + 3)], "label": 0}
            for a, b in ((1, 2), (3, 4), (5, 2), (20, 7))
        ]
        data.write_text("".join(json.dumps(example) + "\n" for example in examples))
        config = {
            "task": "sums",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data)}},
            "test_split": "test",
            "doc_to_text": "question",
            **task,
        }
        run = lm_eval.simple_evaluate(
            model=model,
            model_args={"model": "citer", "base_url": url, "num_concurrent": 1, "max_retries": 1, **arguments},
            tasks=[config],
            apply_chat_template=model == "local-chat-completions",
            bootstrap_iters=0,
        )
    return run["results"]["sums"]


@scenario("lm_eval", "loglikelihood")
def _(url):
    task = {"output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "label"}
    results = evaluate(url + "/v1/completions", "local-completions", task, {"tokenizer_backend": "remote"})
    assert 0 <= results["acc,none"] <= 1


GENERATE = {
    "output_type": "generate_until",
    "doc_to_target": "{{choices[0]}}",
    "generation_kwargs": {"max_gen_toks": 20, "until": ["\n"]},
    "metric_list": [{"metric": "exact_match"}],
}


@scenario("lm_eval", "generate_until, completions")
def _(url):
    results = evaluate(url + "/v1/completions", "local-completions", GENERATE, {"tokenizer_backend": "remote"})
    assert 0 <= results["exact_match,none"] <= 1


@scenario("lm_eval", "generate_until, chat")
def _(url):
    results = evaluate(url + "/v1/chat/completions", "local-chat-completions", GENERATE, {})
    assert 0 <= results["exact_match,none"] <= 1


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def outcome_of(package, function, url):
    if version_of(package) is None:
        return "not installed"
    try:
        function(url)
    except Exception as error:  # whatever a client throws is its verdict
        return f"failed: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
    return "passed"


def main():
    port = citer_server.free_port()
    template = citer_server.HERE.parent / "serve" / "tools.jinja"
    flags = ["--any-model", "--temp", 0, "--ctx-size", 4096, "--parallel", 2, "--chat-template-file", template]
    server = citer_server.start(port, flags)
    try:
        url = f"http://127.0.0.1:{port}"
        rows = [[p, version_of(p) or "", feature, outcome_of(p, f, url)] for p, feature, f in SCENARIOS]
    finally:
        citer_server.stop(server)
    print(citer_server.table(["client", "version", "feature", "outcome"], rows))
    sys.exit(any(row[-1].startswith("failed") for row in rows))


main()
