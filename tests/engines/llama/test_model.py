"""The embedded language models."""

from __future__ import annotations

import json
import time
from contextlib import aclosing

import anyio
import jsonschema
import psutil
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.plan import ChatImage, ChatMessage, ToolCall
from antiphon.engines import conformance, llama
from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import calls_in, events_of
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationRequest,
    Progress,
    PromptRead,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool
from tests.engines.embedded import settings_of

SYSTEM = ChatMessage("system", "You are a friendly voice assistant. Answer in one short sentence.")
WEATHER = FunctionTool(
    name="get_weather",
    description="Current weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]}},
        "required": ["city", "unit"],
    },
)
END_CALL = FunctionTool(name="end_call", description="Hang up when the user says goodbye.")


class TestDefaultModel(conformance.LanguageModelConformance, conformance.MessageEndConformance):
    @classmethod
    def create(cls):
        return llama.create(settings_of("language_model", seed=1))


class TestSmallModel(conformance.LanguageModelConformance, conformance.MessageEndConformance):
    @classmethod
    def create(cls):
        return llama.create(settings_of("language_model", "smollm2-135m", seed=1))


@pytest.fixture(scope="module")
async def model():
    model = llama.create(settings_of("language_model", seed=1, temperature=0, context_tokens=1024))
    yield model
    await model.aclose()


async def answer(model, *said: str | ChatMessage, **fields):
    """The events of an answer, and its text."""
    messages = [m if isinstance(m, ChatMessage) else ChatMessage("user", m) for m in said]
    request = GenerationRequest(messages=(SYSTEM, *messages), **fields)
    events = await events_of(model.generate(request))
    return events, "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_answers(model):
    _, text = await answer(model, "What is the capital of Italy?")
    assert "Rome" in text


async def test_an_earlier_message_is_remembered(model):
    said = (ChatMessage("user", "My dog is called Bello."), ChatMessage("assistant", "Nice name!"))
    _, text = await answer(model, *said, "What is my dog called?")
    assert "Bello" in text


async def test_a_prompt_that_was_read_before_is_cached(model):
    """The prompt's tokens are told before the first word; the second time most are cached."""
    question = "Which river flows through Paris?"
    (first, *_), _ = await answer(model, question, conversation="river")
    (second, *_), _ = await answer(model, question, conversation="river")
    assert isinstance(first, PromptRead)
    assert isinstance(second, PromptRead)
    assert second.input_tokens == first.input_tokens > 20
    assert second.cached_tokens >= first.input_tokens - 1


async def test_while_a_long_prompt_is_read_it_says_that_it_goes_on(model):
    messages = (SYSTEM, ChatMessage("user", "many words " * 100))
    request = GenerationRequest(messages=messages, max_output_tokens=1)
    async with aclosing(model.generate(request)) as events:
        told = [type(event) async for event in events]
    assert told.index(PromptRead) >= 3
    assert set(told[: told.index(PromptRead)]) == {Progress}


async def test_who_waits_while_the_prompts_of_others_are_read_is_told_that_it_goes_on(model):
    """llama.cpp reads one prompt after the other."""
    waited = []

    async def ask(first_word: str) -> None:
        messages = (SYSTEM, ChatMessage("user", first_word + " and many words" * 60))
        request = GenerationRequest(messages=messages, max_output_tokens=1)
        async with aclosing(model.generate(request)) as events:
            waited.append([type(event) async for event in events].index(PromptRead))

    await ask("zero")
    async with anyio.create_task_group() as group:
        group.start_soon(ask, "one")
        group.start_soon(ask, "two")
    alone, *together = waited
    assert max(together) > alone + 2


async def test_warming_reads_the_instructions_beforehand(model):
    system = ChatMessage("system", "You sell tickets for the zoo. Be brief. Be kind to children.")
    await model.warm(GenerationRequest(messages=(system,), conversation="zoo"))
    messages = (system, ChatMessage("user", "Hi!"))
    request = GenerationRequest(messages=messages, conversation="zoo")
    prompt, *_ = await events_of(model.generate(request))
    assert prompt.input_tokens - prompt.cached_tokens < 10


async def test_conversations_with_the_same_instructions_keep_their_own_history(model):
    history = {name: [f"My name is {name} and I like the number seven."] for name in "ABC"}
    for said in ("What is seven plus one?", "And plus two?"):
        for name, messages in history.items():
            messages.append(said)
            (prompt, *_), _ = await answer(model, *messages, conversation=name, max_output_tokens=4)
            if said == "And plus two?":
                assert prompt.cached_tokens > prompt.input_tokens - 25


async def test_each_turn_reads_only_what_is_new(model):
    """Over several turns, and also when the oldest are left out.

    Where an answer begins, its first letters may share a token with the line break before them.
    """
    said, before = [], 0
    for question in ("What is seven plus one?", "And plus two?", "And minus three?"):
        said.append(ChatMessage("user", question))
        events, text = await answer(model, *said, conversation="sums", max_output_tokens=8)
        prompt = events[0]
        assert prompt.cached_tokens >= before
        before = prompt.input_tokens - 2
        said.append(ChatMessage("assistant", text))
    del said[:2]
    said.append(ChatMessage("user", "And doubled?"))
    (prompt, *_), text = await answer(model, *said, conversation="sums", max_output_tokens=8)
    assert prompt.cached_tokens > model.counter.frame_tokens(SYSTEM.text, ())
    before = prompt.input_tokens - 2
    said += [ChatMessage("assistant", text), ChatMessage("user", "And halved?")]
    (prompt, *_), _ = await answer(model, *said, conversation="sums", max_output_tokens=8)
    assert prompt.cached_tokens >= before


async def test_a_conversation_that_has_lost_its_slot_finds_its_text_all_the_same(model):
    """There are eight slots; the ninth conversation takes that of the first."""
    said = "I like the number {}. " + "I would like to hear all about it, if you please. " * 2
    prompts = {}
    for number in (*range(9), 8, 0, 1):
        events, _ = await answer(
            model, said.format(number), conversation=f"number {number}", max_output_tokens=1
        )
        prompts[number] = events[0]
    for number in (8, 0, 1):
        assert prompts[number].cached_tokens >= prompts[number].input_tokens - 1


async def test_without_memory_for_it_a_text_that_has_lost_its_slot_is_read_again():
    options = {"conversations": 1, "parallel": 1, "kept_mib": 0, "seed": 1}
    model = llama.create(settings_of("language_model", "smollm2-135m", **options))
    try:
        for number in (1, 2, 1):
            said = f"I like the number {number}. " + "I would like to hear about it. " * 2
            (prompt, *_), _ = await answer(
                model, said, conversation=f"number {number}", max_output_tokens=1
            )
        assert prompt.cached_tokens < prompt.input_tokens - 15
    finally:
        await model.aclose()


async def test_after_a_cancelled_answer_the_next_one_finds_what_was_read(model):
    """A guess that is dropped leaves its slot to the answer that follows it at once."""
    question = ChatMessage("user", "Tell me a story about a fox, a hen, and a very old house.")
    request = GenerationRequest(messages=(SYSTEM, question), conversation="fox")
    async with aclosing(model.generate(request)) as events:
        first = await anext(event async for event in events if isinstance(event, PromptRead))
    second, *_ = await events_of(model.generate(request))
    assert second.cached_tokens == first.input_tokens - 1


async def test_every_token_is_counted(model):
    events, text = await answer(model, "Say hello.")
    tokens = sum(event.tokens for event in events if isinstance(event, TextDelta))
    assert text
    assert events[-1] == GenerationEnd("stop", tokens + 1)  # and the token that ends the answer


async def test_it_calls_a_function_when_it_needs_one(model):
    events, text = await answer(model, "What is the weather in Oslo?", tools=(WEATHER, END_CALL))
    ((name, arguments),) = calls_in(events)
    assert (name, text) == ("get_weather", "")
    assert json.loads(arguments)["city"] == "Oslo"
    assert events[-1].reason == "stop"


async def test_arguments_fit_the_schema(model):
    events, _ = await answer(model, "Hello!", tools=(WEATHER,), tool_policy="required")
    ((_, arguments),) = calls_in(events)
    values = json.loads(arguments)
    assert values.keys() == {"city", "unit"}
    assert values["unit"] in {"celsius", "kelvin"}


async def test_several_functions_are_called_in_one_answer(model):
    question = "Tell me the weather in Oslo and the weather in Rome."
    events, text = await answer(model, question, tools=(WEATHER,), tool_policy="required")
    calls = calls_in(events)
    assert text == ""
    assert [json.loads(arguments)["city"] for _, arguments in calls] == ["Oslo", "Rome"]
    events, _ = await answer(
        model, question, tools=(WEATHER,), tool_policy="required", parallel_tool_calls=False
    )
    assert len(calls_in(events)) == 1


async def test_arguments_are_told_while_they_are_written(model):
    events, _ = await answer(model, "What is the weather in Oslo?", tools=(WEATHER,))
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert len(calls) > 4
    assert sum(call.tokens for call in calls) <= events[-1].output_tokens


async def test_a_question_that_no_function_answers_is_answered_in_words(model):
    events, text = await answer(model, "Who wrote Romeo and Juliet?", tools=(WEATHER, END_CALL))
    assert calls_in(events) == []
    assert "Shakespeare" in text


async def test_a_schema_that_cannot_be_used_is_refused(model):
    broken = FunctionTool(name="broken", parameters={"properties": {"a": {"type": "text"}}})
    with pytest.raises(EngineError, match="'broken' cannot be used") as caught:
        await answer(model, "Hello!", tools=(broken,))
    assert caught.value.code == "invalid_function_parameters"


def objects_of(properties):
    """Objects with these properties, every second of which may be left out."""
    return {"type": "object", "properties": properties, "required": list(properties)[::2]}


names = st.text(alphabet="abcdefgh_", min_size=1, max_size=6)
values = st.recursive(
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "integer", "minimum": -3, "maximum": 12},
            {"type": "number", "minimum": 0, "exclusiveMaximum": 2.5},
            {"type": "string", "maxLength": 8},
            {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}$"},
            {"enum": ["one", 2, None, "{three}"]},
            {"const": 'a"}b'},
            {"anyOf": [{"type": "null"}, {"type": "integer", "maximum": 9, "minimum": 0}]},
            {"$ref": "#/$defs/point"},
        ]
    ),
    lambda inner: (
        st.builds(
            lambda items, most: {"type": "array", "items": items, "minItems": 1, "maxItems": most},
            inner,
            st.integers(1, 2),
        )
        | st.dictionaries(names, inner, max_size=2).map(objects_of)
    ),
    max_leaves=4,
)


POINT = objects_of({"x": {"type": "integer", "minimum": 0, "maximum": 99}, "y": {"type": "null"}})


@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(properties=st.dictionaries(names, values, min_size=1, max_size=3))
def test_arguments_fit_whatever_schema_there_is(small, properties):
    parameters = {**objects_of(properties), "$defs": {"point": POINT}}
    call_it = FunctionTool(name="call_it", description="Call it.", parameters=parameters)
    name, arguments = small(call_it)
    assert name == "call_it"
    jsonschema.validate(json.loads(arguments), parameters)


@pytest.fixture(scope="module")
def small():
    """Makes the smallest model call a function, from code that is not asynchronous."""
    with start_blocking_portal() as portal:
        settings_ = settings_of("language_model", "smollm2-135m", seed=1, temperature=1.5)
        model = llama.create(settings_)

        async def call(tool):
            events, _ = await answer(
                model, "Call it.", tools=(tool,), tool_policy="required", parallel_tool_calls=False
            )
            return calls_in(events)[0]

        yield lambda tool: portal.call(call, tool)
        portal.call(model.aclose)


THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{{ '<|im_start|>assistant\n' }}"
    "{{ '<think>\n' if enable_thinking else '<think>\n\n</think>\n\n' }}"
)


async def test_thoughts_are_counted_and_not_told():
    model = llama.create(
        settings_of(
            "language_model",
            "smollm2-135m",
            seed=1,
            tools=True,
            chat_template=THINKING,
            thinking_chars={"low": 80},  # each takes a token at most
        )
    )
    try:
        events, text = await answer(model, "Hello!", reasoning_effort="low", max_output_tokens=90)
        told = sum(event.tokens for event in events if isinstance(event, TextDelta))
        assert text
        assert "think>" not in text
        assert events[-1].output_tokens > told + 5
        events, _ = await answer(
            model,
            "Hello!",
            reasoning_effort="low",
            tools=(END_CALL,),
            tool_policy="required",
            parallel_tool_calls=False,
        )
        assert calls_in(events) == [("end_call", "{}")]
        events, text = await answer(model, "Hello!", max_output_tokens=20)
        assert "think>" not in text
    finally:
        await model.aclose()


async def test_it_tells_what_a_function_answered(model):
    call = ToolCall("call_1", "get_weather", '{"city": "Oslo", "unit": "celsius"}')
    events, text = await answer(
        model,
        "What is the weather in Oslo?",
        ChatMessage("assistant", tool_calls=(call,)),
        ChatMessage("tool", '{"temperature": 4, "sky": "rain"}', tool_call_id="call_1"),
        tools=(WEATHER, END_CALL),
    )
    assert calls_in(events) == []
    assert "4" in text


async def test_a_call_that_was_cut_off_does_not_spoil_the_history(model):
    call = ToolCall("call_1", "get_weather", '{"city": "Os')
    _, text = await answer(
        model, "Weather?", ChatMessage("assistant", tool_calls=(call,)), "Never mind. Hello!"
    )
    assert text


async def test_a_last_message_of_the_assistant_is_not_continued(model):
    said = ChatMessage("assistant", "The first three letters are A, B and")
    _, text = await answer(model, "Say the alphabet.", said, max_output_tokens=8)
    assert not text.lstrip().startswith("C")


async def test_an_answer_without_a_limit_ends_all_the_same():
    """Small models fall into lists that never end."""
    settings = settings_of("language_model", "smollm2-135m", seed=1, longest_answer_tokens=6)
    model = llama.create(settings)
    try:
        events, _ = await answer(model, "Count to two hundred.")
        assert events[-1] == GenerationEnd("length", 6)
        events, _ = await answer(model, "Count to two hundred.", max_output_tokens=9)
        assert events[-1] == GenerationEnd("length", 9)
    finally:
        await model.aclose()


async def test_a_prompt_that_is_too_long_says_so(model):
    with pytest.raises(EngineError, match=r"has \d+ tokens, .* reads at most 1024") as caught:
        await answer(model, "word " * 2000)
    assert caught.value.code == "context_length_exceeded"


async def test_an_answer_that_reaches_the_end_of_the_context_is_cut_off_there():
    settings = settings_of("language_model", "smollm2-135m", seed=1, context_tokens=256, parallel=1)
    model = llama.create(settings)
    try:
        assert model.counter is not None
        room = 250 - model.counter.frame_tokens(SYSTEM.text, ())
        filler = "Tell me a long story about" + " one" * room
        excess = model.counter.message_tokens(ChatMessage("user", filler)) - room
        question = ChatMessage("user", filler.removesuffix(" one" * excess))
        request = GenerationRequest(messages=(SYSTEM, question))
        prompt, *_, end = await events_of(model.generate(request))
        assert prompt.input_tokens == 250
        assert end.reason == "length"
        assert end.output_tokens < 10
    finally:
        await model.aclose()


async def test_images_are_refused(model):
    shown = ChatMessage(
        "user", "What is this?", images=(ChatImage("data:image/png;base64,AAAA", "auto"),)
    )
    with pytest.raises(EngineError, match="cannot see images") as caught:
        await answer(model, shown)
    assert caught.value.code == "image_not_supported"


async def test_closing_an_answer_stops_llama_cpp(model):
    """Not only the reader: the processor falls idle."""
    request = GenerationRequest(messages=(SYSTEM, ChatMessage("user", "Count to two hundred.")))
    async with aclosing(model.generate(request)) as events:
        for _ in range(4):
            await anext(events)
    assert await falls_idle()


async def test_closing_an_answer_stops_the_reading_of_a_long_prompt(model):
    request = GenerationRequest(messages=(SYSTEM, ChatMessage("user", "many words " * 400)))
    with anyio.move_on_after(0.3):
        await events_of(model.generate(request))
    assert await falls_idle()


async def falls_idle() -> bool:
    """Whether, within 30 s, this process uses under a tenth of a core for a tenth of a second."""
    process = psutil.Process()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        before = process.cpu_times()
        await anyio.sleep(0.1)
        after = process.cpu_times()
        if after.user + after.system - before.user - before.system < 0.02:
            return True
    return False


async def test_a_whole_question_is_more_likely_over_than_the_beginning_of_one(model):
    said = {"whole": "What is the capital of Italy?", "begun": "What is the capital of"}
    over = {
        name: await model.predict_message_end(
            GenerationRequest(messages=(SYSTEM, ChatMessage("user", words)), conversation=name)
        )
        for name, words in said.items()
    }
    assert 0 <= over["begun"] < 0.1
    assert 0.5 < over["whole"] <= 1


async def test_the_answer_finds_the_words_whose_end_was_judged_in_the_cache(model):
    """Only the closing mark and what opens the answer are left to be read."""
    question = "Which mountain between France and Italy is the highest one?"
    messages = (SYSTEM, ChatMessage("user", question))
    request = GenerationRequest(messages=messages, conversation="mountain", max_output_tokens=1)
    await model.predict_message_end(request)
    prompt, *_ = await events_of(model.generate(request))
    assert prompt.input_tokens - prompt.cached_tokens < 10


async def test_judging_the_end_of_a_long_prompt_can_be_stopped(model):
    messages = (SYSTEM, ChatMessage("user", "several words " * 400))
    with anyio.move_on_after(0.3) as scope:
        await model.predict_message_end(GenerationRequest(messages=messages))
    assert scope.cancelled_caught
    assert await falls_idle()


async def test_warming_gives_way_to_an_answer(model):
    """The answer does not wait until a long prefix has been read."""
    prefix = ChatMessage("system", "You know these words: " + "one two three " * 200)
    async with anyio.create_task_group() as group:
        group.start_soon(model.warm, GenerationRequest(messages=(prefix,), conversation="words"))
        await anyio.wait_all_tasks_blocked()
        _, text = await answer(model, "What is the capital of Italy?")
    messages = (prefix, ChatMessage("user", "Hi."))
    request = GenerationRequest(messages=messages, max_output_tokens=1, conversation="words")
    prompt, *_ = await events_of(model.generate(request))
    assert text
    assert prompt.cached_tokens < prompt.input_tokens - 50


def test_a_file_that_is_no_model_is_refused(tmp_path):
    broken = tmp_path / "model.gguf"
    broken.write_bytes(b"GGUF, but not really")
    with pytest.raises(EngineError, match=r"cannot load .*model\.gguf") as caught:
        llama.create(EngineSettings(name="broken", files={"model": broken}))
    assert caught.value.code == "weights_unreadable"


def test_a_misspelt_option_is_refused(tmp_path):
    settings = EngineSettings(name="x", options={"temprature": 1})
    with pytest.raises(EngineError, match=r"options of x cannot be used.*temprature"):
        llama.create(settings)


def test_a_missing_file_is_named(tmp_path):
    settings = EngineSettings(name="x", files={"model": tmp_path / "gone.gguf"})
    with pytest.raises(EngineError, match=r"x needs the file 'model', but there is none at .*gone"):
        llama.create(settings)
