"""The orders of translation sessions, as written down in ``golden/translation/``."""

import base64
import json
from pathlib import Path

import pytest

from tests.core.booth import Booth, translation
from tests.support.ledger import TranslationLedger

from .engines import signals
from .golden import Line, Names, Scenario, scenarios
from .outcome import check, head

SCENARIOS = list(scenarios(Path(__file__).parent / "golden" / "translation"))
EVENTS = {
    "error",
    "session.created",
    "session.updated",
    "session.closed",
    "session.input_transcript.delta",
    "session.output_transcript.delta",
    "session.output_audio.delta",
}
_PCM_BYTES_PER_MS = 48


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_golden(scenario: Scenario) -> None:
    booth = Booth(translation(**scenario.settings))
    names, ledger, seen = Names(), TranslationLedger(), 0
    for step in scenario.steps:
        if step.done is not None:
            if (sent := _sent(step.done, names)) is not None:
                ledger.sends(sent)
            _do(booth, step.done, names)
        came = [entry for entry in booth.log[seen:] if head(entry)]
        seen = len(booth.log)
        check(step, came, names, ledger.read)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_that_the_core_sends_is_in_some_scenario(name: str) -> None:
    assert any(
        line.head == name
        for scenario in SCENARIOS
        for step in scenario.steps
        for line in step.expected
    )


def _sent(line: Line, names: Names) -> str | None:
    """Return what the client sends in a step, if it sends anything."""
    match line.mark, line.head, line.words if line.mark == "!" else ():
        case ">", kind, _:
            return json.dumps({"type": kind, **names.filled_in(line.fields)})
        case "!", ("speech" | "silence"), [duration_ms]:
            audio = base64.b64encode(bytes(_PCM_BYTES_PER_MS * int(duration_ms))).decode()
            return json.dumps({"type": "session.input_audio_buffer.append", "audio": audio})
        case _:
            return None


def _do(booth: Booth, line: Line, names: Names) -> None:
    if line.mark == ">":
        if line.head == "session.close":
            booth.close()
        else:
            booth.send(line.head, **names.filled_in(line.fields))
        return
    words = names.filled_in(line.words)
    match line.head, words:
        case "speech", [duration_ms]:
            booth.speech(int(duration_ms))
        case "silence", [duration_ms]:
            booth.silence(int(duration_ms))
        case "wait", [seconds]:
            booth.tick(float(seconds))
        case _:
            booth.feed(*signals(line.head, words))
