"""What all scripted engines have in common: a timeline, an end."""

from __future__ import annotations

import anyio
import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import events_of
from antiphon.engines.scripted import thinking
from antiphon.engines.scripted.script import (
    Gate,
    Say,
    Script,
    Take,
    Wait,
    WaitFor,
)
from antiphon.engines.thinking import (
    GenerationRequest,
    TextDelta,
)
from antiphon.errors import EngineError


def model_of(*steps) -> thinking.ScriptedLanguageModel:
    script = Script(answers=(Take(steps),))
    return thinking.create_language_model(EngineSettings(name="any", options={"script": script}))


async def test_time_passes_exactly_where_the_script_says(monkeypatch):
    slept = []

    async def sleep(delay: float) -> None:
        slept.append(delay)

    monkeypatch.setattr(anyio, "sleep", sleep)
    model = model_of(Wait(200), Say("one two", every_ms=30), Say("three"), Wait(1))
    await events_of(model.generate(GenerationRequest(messages=())))
    assert slept == [0.2, 0.03, 0.03, 0.001]


async def test_a_gate_holds_an_engine_until_the_test_opens_it():
    gate = Gate()
    model = model_of(Say("before"), WaitFor(gate), Say("after"))
    heard: list[str] = []

    async def listen() -> None:
        async for event in model.generate(GenerationRequest(messages=())):
            if isinstance(event, TextDelta):
                heard.append(event.text)

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await gate.reached()
        assert heard == ["before"]
        gate.open()
    assert heard == ["before", "after"]


async def test_closing_an_engine_ends_what_waits_at_a_gate():
    gate = Gate()
    model = model_of(WaitFor(gate))
    outcomes = []

    async def listen() -> None:
        with pytest.raises(EngineError) as caught:
            await events_of(model.generate(GenerationRequest(messages=())))
        outcomes.append(caught.value.code)

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await gate.reached()
        await model.aclose()
    assert outcomes == ["engine_closed"]
