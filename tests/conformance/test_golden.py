"""The orders of the protocol, as written down in ``golden/``."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from antiphon.config import Limits
from antiphon.core.plan import Speculation
from antiphon.core.prompts import StoredPrompt
from antiphon.runtime.rate_limits import KeyAccount
from antiphon.wire.session import AudioTranscription, FunctionTool, TurnDetection
from tests.core.support import ABILITIES, Frame, Rig, settings
from tests.support.ledger import Ledger

from .engines import signals
from .golden import Line, Names, Scenario, scenarios
from .outcome import check, head

FOLDER = Path(__file__).parent / "golden"
KEYS: dict[str, Any] = json.loads((FOLDER / "keys.json").read_text())
_PCM_BYTES_PER_MS = 48
SCENARIOS = list(scenarios(FOLDER))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_golden(scenario: Scenario) -> None:
    rig = _rig(**scenario.settings)
    names, seen = Names(), 0
    ledger = Ledger(plays=scenario.settings.get("plays", False))
    for step in scenario.steps:
        if step.done is not None:
            if (sent := _sent(step.done, names)) is not None:
                ledger.sends(sent)
            _do(rig, step.done, names)
        came = [entry for entry in rig.log[seen:] if head(entry)]
        seen = len(rig.log)

        def read(frame: Frame) -> None:
            ledger.read(frame)
            _check_keys(frame)

        check(step, came, names, read)


@pytest.mark.parametrize("name", sorted(KEYS["events"]))
def test_every_event_that_the_core_sends_is_in_some_scenario(name: str) -> None:
    assert any(
        line.head == name
        for scenario in SCENARIOS
        for step in scenario.steps
        for line in step.expected
    )


# --- what is done ---------------------------------------------------------------------------------


def _rig(
    *,
    limits: dict[str, int] | None = None,
    prompts: dict[str, Any] | None = None,
    speculation: Speculation = "off",
    plays: bool = False,
    **given: Any,
) -> Rig:
    """Return the session that a ``session`` line describes.

    Args:
        limits: What its key may use; without it, any amount.
        prompts: Stored prompts by id.
        speculation: What it works out while the speaker pauses.
        plays: Whether the transport plays the answers itself, as in a call.
        given: Its settings, as of :func:`tests.core.support.settings`.
    """
    stored = msgspec.convert(prompts or {}, dict[str, StoredPrompt])
    return Rig(
        settings(**_settings(given)),
        abilities=replace(ABILITIES, prompts=stored),
        limits=KeyAccount(msgspec.convert(limits, Limits)) if limits else None,
        speculation=speculation,
        plays=plays,
    )


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
        case _:
            rig.feed(*signals(line.head, words))


# --- what came of it ------------------------------------------------------------------------------


def _check_keys(frame: Frame) -> None:
    """Check that a frame and the objects in it have all their keys, and no others."""
    on_request = set(KEYS["on_request"].get(frame["type"], ()))
    assert set(frame) - on_request == set(KEYS["events"][frame["type"]]), frame["type"]
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
