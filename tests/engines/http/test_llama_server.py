"""A real server: llama.cpp's own, with the default model."""

from __future__ import annotations

import os

import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines.conformance import events_of
from antiphon.engines.http import factories
from antiphon.engines.thinking import GenerationEnd, GenerationRequest, PromptRead, TextDelta
from antiphon.errors import EngineError
from tests.engines.embedded import settings_of

KEY = "the key of the test"
SYSTEM = ChatMessage("system", "You are a friendly voice assistant. Answer in one short sentence.")


@pytest.fixture(scope="module")
def llama_server():
    """llama.cpp's server, as it runs for anybody."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as in llama.py, for machines that are busy
    import xllamacpp  # noqa: PLC0415 (reads the variable as it is loaded)

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(settings_of("language_model").files["model"])
    parameters.n_gpu_layers = 0
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 2
    parameters.use_jinja = True
    parameters.verbosity = -1
    parameters.api_keys = [KEY]
    parameters.port = 0
    server = xllamacpp.Server(parameters)
    greeting = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, "stream": True}
    server.handle_chat_completions(greeting, lambda _: False)  # it can be freed once it has run
    return server


@pytest.fixture
async def model(llama_server, build):
    return await build(
        factories.create_language_model,
        base_url=f"{llama_server.listening_address}/v1",
        model=None,
        api_key=KEY,
        body={"temperature": 0},
    )


async def test_a_prompt_that_was_read_before_is_cached(model):
    request = GenerationRequest(
        messages=(SYSTEM, ChatMessage("user", "Which river flows through Paris?")),
        max_output_tokens=8,
    )
    first, second = [await events_of(model.generate(request)) for _ in range(2)]
    prompts = [event for event in (*first, *second) if isinstance(event, PromptRead)]
    assert prompts[1].input_tokens == prompts[0].input_tokens > 20
    assert prompts[1].cached_tokens > prompts[1].input_tokens / 2
    words = [event for event in second if isinstance(event, TextDelta)]
    assert second[-1] == GenerationEnd("length", 8)
    assert 0 < len(words) <= 8


async def test_a_conversation_that_is_too_long(model):
    request = GenerationRequest(messages=(ChatMessage("user", "Hello there. " * 2000),))
    with pytest.raises(EngineError) as caught:
        await events_of(model.generate(request))
    assert caught.value.code == "context_length_exceeded"


async def test_a_key_that_is_wrong(llama_server, build, caplog):
    address = f"{llama_server.listening_address}/v1"
    model = await build(factories.create_language_model, base_url=address, api_key="another")
    with pytest.raises(EngineError, match="answered with status 401"):
        await events_of(model.generate(GenerationRequest(messages=(SYSTEM,))))
    assert "set the option api_key" in caplog.text
