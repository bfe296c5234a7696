"""A spoken conversation on the bench, told to sessions that work ahead and to others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from antiphon.core.effects import (
    DropGuess,
    Effect,
    GuessResponse,
    KeepResponse,
    ReleaseGuess,
    StartResponse,
    StopResponse,
    Transcribe,
)
from antiphon.core.plan import Plan, Speculation
from antiphon.core.signals import Failure, TranscriptExtended, TranscriptFinished
from antiphon.wire.audio_config import AudioTranscription, ServerVad
from antiphon.wire.session import FunctionTool

from .support import Frame, Rig, settings

__all__ = [
    "FAILURE",
    "LOOK_UP",
    "TOLD",
    "VAD",
    "Talk",
    "as_told",
    "create",
    "recording",
    "respond",
    "tell",
    "update",
    "without_id",
]

VAD = ServerVad(silence_duration_ms=320)
TOLD = AudioTranscription(model="any")
FAILURE = Failure("transcribe", "audio_unintelligible", "Nothing to be understood.")
LOOK_UP = FunctionTool(name="look_up", parameters={})


class Talk(Rig):
    """A spoken conversation whose engines do at once whatever they are asked to."""

    def __init__(
        self, speculation: Speculation = "answers", *, vad: ServerVad = VAD, **given: Any
    ) -> None:
        rig = {name: given.pop(name) for name in ("limits", "reader") if name in given}
        super().__init__(settings(turn_detection=vad, **given), speculation=speculation, **rig)
        self._heard = 0

    def pause(self) -> list[Frame]:
        """Have the user speak and make a pause, which may be the end of the turn."""
        return self.speech(480) + self.silence(64)

    def go_on(self) -> list[Frame]:
        """Have the user go on after the pause."""
        return self.speech(64)

    def end_turn(self) -> list[Frame]:
        """Have the user be silent until the turn is over."""
        return self.silence(256)

    def hear_words(self, words: str = "Hello there") -> list[Frame]:
        """Have the words of whatever has been asked for found out."""
        asked = self.effects(Transcribe)[self._heard :]
        self._heard += len(asked)
        signals = [
            signal
            for one in asked
            for signal in (
                TranscriptExtended(one.item_id, words),
                TranscriptFinished(one.item_id, words),
            )
        ]
        return self.feed(*signals)

    @property
    def plan(self) -> Plan:
        """What the newest response runs with, wherever it was begun."""
        guesses = {effect.plan.response_id: effect.plan for effect in self.effects(GuessResponse)}
        plans = [
            guesses[entry.response_id] if isinstance(entry, ReleaseGuess) else entry.plan
            for entry in self.log
            if isinstance(entry, ReleaseGuess | StartResponse)
        ]
        return plans[-1]

    @property
    def guess(self) -> Plan:
        """What the newest guess at an answer runs with."""
        return self.effects(GuessResponse)[-1].plan

    def answer_effects(self) -> list[Effect]:
        """What was asked of those who work out answers, in order."""
        kinds = (GuessResponse, DropGuess, ReleaseGuess, StartResponse, StopResponse, KeepResponse)
        return [entry for entry in self.log if isinstance(entry, kinds)]


def as_told(frames: list[Frame]) -> str:
    """Return frames with ids that say only which is which."""
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f'"{found[1]} {len(names)}"')

    return re.sub(r'"([a-z]+)_\d+"', name, "\n".join(map(json.dumps, frames)))


def without_id(plan: Plan) -> Plan:
    """Return a plan that can be compared with that of another session."""
    return replace(plan, response_id="")


def nothing(_talk: Talk) -> None:
    """Nothing happens in the pause."""


def tell(talk: Talk, in_the_pause: Callable[[Talk], object] = nothing) -> Talk:
    """Tell a story: a turn with a pause in which something happens, and its answer."""
    talk.say("Good morning")
    talk.pause()
    if talk.effects(Transcribe):
        talk.hear_words()
    in_the_pause(talk)
    talk.end_turn()
    talk.hear_words()
    talk.answer("Hello", " to you")
    return talk


# --- what a client may do ---------------------------------------------------------------------


def update(**session: object) -> Callable[[Talk], object]:
    """Return what changes the session."""
    return lambda talk: talk.send("session.update", session={"type": "realtime", **session})


def create(**item: object) -> Callable[[Talk], object]:
    """Return what creates an item."""
    return lambda talk: talk.send("conversation.item.create", item=item)


def respond(**response: object) -> Callable[[Talk], object]:
    """Return what asks for a response."""
    return lambda talk: talk.send("response.create", response=response)


def recording() -> Frame:
    """A message of the user with audio, whose words are to be found out."""
    part = {"type": "input_audio", "audio": "AAAA" * 1600}
    return {"type": "message", "role": "user", "content": [part]}
