"""The orders of the protocol, as written down in ``golden/``."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antiphon.core.effects import (
    CloseConnection,
    Effect,
    StartResponse,
    StopResponse,
    Transcribe,
)
from antiphon.core.plan import ChatMessage
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    TextGenerated,
    ToolCallGenerated,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.wire.session import AudioTranscription, FunctionTool, TurnDetection
from tests.core.support import Frame, Rig, settings
from tests.support.ledger import Ledger

from .golden import Line, Names, Scenario, scenarios

FOLDER = Path(__file__).parent / "golden"
KEYS: dict[str, Any] = json.loads((FOLDER / "keys.json").read_text())
_PCM_BYTES_PER_MS = 48
SCENARIOS = list(scenarios(FOLDER))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_golden(scenario: Scenario) -> None:
    rig = Rig(settings(**_settings(scenario.settings)))
    names, ledger, seen = Names(), Ledger(), 0
    for step in scenario.steps:
        if step.done is not None:
            if (sent := _sent(step.done, names)) is not None:
                ledger.sends(sent)
            _do(rig, step.done, names)
        came = [entry for entry in rig.log[seen:] if _head(entry)]
        seen = len(rig.log)
        expected = step.expected
        if step.done is None and not expected:
            expected = [Line("<", "session.created", "", 0)]
        said = f"after {step.done}" if step.done else "at the start"
        assert [_head(entry) for entry in came] == [f"{e.mark} {e.head}" for e in expected], said
        for entry, line in zip(came, expected, strict=True):
            if isinstance(entry, dict):
                ledger.read(entry)
                _check_keys(entry)
                names.match(line.fields, entry, line.head)
            else:
                names.match(line.words, _details(entry), line.head)


@pytest.mark.parametrize("name", sorted(KEYS["events"]))
def test_every_event_that_the_core_sends_is_in_some_scenario(name: str) -> None:
    assert any(
        line.head == name
        for scenario in SCENARIOS
        for step in scenario.steps
        for line in step.expected
    )


# --- what is done ---------------------------------------------------------------------------------


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a ``session`` line gives, as the types that it means."""
    kinds = {
        "turn_detection": TurnDetection | None,
        "transcription": AudioTranscription | None,
        "tools": tuple[FunctionTool, ...],
    }
    return {
        name: msgspec.convert(value, kinds[name]) if name in kinds else value
        for name, value in given.items()
    }


def _sent(line: Line, names: Names) -> str | None:
    """Return what the client sends in a step, if it sends anything."""
    match line.mark, line.head, line.words if line.mark == "!" else ():
        case ">", kind, _:
            return json.dumps({"type": kind, **names.filled_in(line.fields)})
        case "!", ("append" | "speech" | "silence"), [duration_ms]:
            audio = base64.b64encode(bytes(_PCM_BYTES_PER_MS * int(duration_ms))).decode()
            return json.dumps({"type": "input_audio_buffer.append", "audio": audio})
        case _:
            return None


def _do(rig: Rig, line: Line, names: Names) -> None:
    if line.mark == ">":
        rig.send(line.head, **names.filled_in(line.fields))
        return
    words = names.filled_in(line.words)
    match line.head, words:
        case "append", [duration_ms]:
            rig.append(int(duration_ms))
        case "speech", [duration_ms]:
            rig.speech(int(duration_ms))
        case "silence", [duration_ms]:
            rig.silence(int(duration_ms))
        case "wait", [seconds]:
            rig.tick(float(seconds))
        case (("hearing" | "heard" | "misheard"), _):
            rig.feed(*_transcription(line.head, words))
        case _:
            rig.feed(*_generation(line.head, words))


def _transcription(verb: str, words: list[str]) -> Iterator[Signal]:
    match verb, words:
        case "hearing", [item_id, text]:
            yield TranscriptExtended(item_id, text)
        case "heard", [item_id, text]:
            yield TranscriptFinished(item_id, text)
        case "misheard", [item_id]:
            failure = Failure("transcribe", "audio_unintelligible", "Nothing to be understood.")
            yield TranscriptFailed(item_id, failure)
        case _:
            raise ValueError(verb, words)


def _generation(verb: str, words: list[str]) -> Iterator[Signal]:
    match verb, words:
        case "prompt", [response_id, tokens]:
            yield PromptMeasured(response_id, int(tokens), 0)
        case "text", [response_id, *texts]:
            for text in texts:
                yield TextGenerated(response_id, text, 1)
        case "audio", [response_id, duration_ms]:
            yield AudioGenerated(response_id, bytes(48 * int(duration_ms)), int(duration_ms))
        case "spoken", [response_id, chars]:
            yield SegmentSpoken(response_id, int(chars))
        case "call", [response_id, index, name, *pieces]:
            for piece in pieces:
                yield ToolCallGenerated(response_id, int(index), name, piece, 1)
        case "finish", [response_id, ("stop" | "length" | "content_filter") as reason]:
            yield GenerationFinished(response_id, reason, 3)
        case "fail", [response_id]:
            failure = Failure("generate", "model_not_found", "There is no such model.")
            yield GenerationFailed(response_id, failure)
        case _:
            raise ValueError(verb, words)


# --- what came of it ------------------------------------------------------------------------------


def _head(entry: Frame | Effect) -> str:
    """Return how a golden file calls it; nothing for what only the runtime cares about."""
    match entry:
        case {"type": event_type}:
            return f"< {event_type}"
        case Transcribe():
            return "= transcribe"
        case StartResponse():
            return "= start"
        case StopResponse():
            return "= stop"
        case CloseConnection():
            return "= close"
        case _:
            return ""


def _details(effect: Effect) -> list[str]:
    match effect:
        case Transcribe(item_id=item_id):
            return [item_id]
        case StartResponse(plan=plan):
            return [plan.response_id, *map(_shown, plan.messages)]
        case StopResponse(response_id=response_id):
            return [response_id]
        case CloseConnection(code=code):
            return [str(code)]
        case _:
            return []


def _shown(message: ChatMessage) -> str:
    calls = (f"{call.name}({call.arguments})" for call in message.tool_calls)
    return " ".join([f"{message.role}:", *filter(None, [message.text, *calls])])


def _check_keys(frame: Frame) -> None:
    """Check that a frame and the objects in it have all their keys, and no others."""
    assert set(frame) == set(KEYS["events"][frame["type"]]), frame["type"]
    for key, value in frame.items():
        _check_object(value, frame["type"], key)


def _check_object(value: Any, holder: str, key: str) -> None:
    if isinstance(value, list):
        for one in value:
            _check_object(one, holder, {"output": "item"}.get(key, key))
    elif isinstance(value, dict):
        kind = value.get("type")
        names = [f"{holder}.{key}:{kind}", f"{holder}.{key}", f"{key}:{kind}", key]
        known = [name for name in names if name in KEYS["objects"]]
        if known:
            assert set(value) == set(KEYS["objects"][known[0]]), known[0]
        for inner, one in value.items():
            _check_object(one, key, inner)
