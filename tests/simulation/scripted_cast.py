"""Scripted engines with every fault that engines have."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import anyio

from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    ReadPrompt,
    Say,
    Script,
    Sound,
    SpeechStep,
    Stop,
    Take,
    TranscriptionStep,
    Wait,
)
from antiphon.engines.thinking import GenerationEnd, GenerationEvent, GenerationRequest
from tests.simulation.dice import Dice
from tests.support.cast import Cast, WatchedLanguageModel, make_cast

__all__ = ["random_cast"]

_TAKES = 6
_PAUSES_MS = (0, 0, 10, 100, 3000)
_SAYINGS = (
    "",
    "Yes.",
    "Well, that is a long story, and nobody knows its end.",
    "First this. Then that; at last,\nnothing … at all.",
    "One. Two. Three. Four. Five. Six. Seven. Eight. Nine. And ten.",
)
_FOREVER_MS = 1e9
_LONG_STORY = "And they lived happily, but not for ever after. " * 40


class FaultyLanguageModel(WatchedLanguageModel):
    """Takes its time to stop when told to, and now and then ends without saying so."""

    def __init__(self, cast: Cast, script: Script, dice: Dice) -> None:
        super().__init__(cast.language_model.info, script, cast.stage)
        self._dice = dice

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer by the script, with faults."""
        stops_late, has_end = self._dice.chance(0.3), self._dice.chance(0.95)
        try:
            async with aclosing(super().generate(request)) as events:
                async for event in events:
                    if has_end or not isinstance(event, GenerationEnd):
                        yield event
        finally:
            if stops_late:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.25)


def random_cast(dice: Dice) -> Cast:
    """Return engines that act out a story nobody has written."""
    script = Script(
        transcriptions=tuple(Take(_transcription(dice)) for _ in range(_TAKES)),
        answers=tuple(Take(_answer(dice)) for _ in range(_TAKES)),
        speeches=tuple(Take(_speech(dice)) for _ in range(_TAKES)),
        transcribe_ms=dice.choice(_PAUSES_MS),
        token_ms=dice.choice(_PAUSES_MS[:-1]),
        synthesize_ms=dice.choice(_PAUSES_MS),
        ms_per_character=dice.choice([2, 10]),  # quick: it costs time to simulate sound
    )
    cast = make_cast(script)
    return replace(cast, language_model=FaultyLanguageModel(cast, script, dice))


def _transcription(dice: Dice) -> tuple[TranscriptionStep, ...]:
    steps: list[TranscriptionStep] = [Wait(dice.choice(_PAUSES_MS))]
    if dice.chance(0.9):
        steps.append(Say(dice.choice(["Yes.", "One two three.", ""]), dice.choice(_PAUSES_MS[:-1])))
    if dice.chance(0.1):
        steps.append(Fail("The ear is deaf."))
    return tuple(steps)


def _speech(dice: Dice) -> tuple[SpeechStep, ...]:
    if dice.chance(0.1):
        return (Wait(dice.choice(_PAUSES_MS)), Fail("The voice broke."))
    return (Wait(dice.choice(_PAUSES_MS)), Sound(dice.choice([0, 20, 150])))


def _answer(dice: Dice) -> tuple[AnswerStep, ...]:
    steps: list[AnswerStep] = [ReadPrompt(dice.randrange(3))] if dice.chance(0.5) else []
    for _ in range(dice.randrange(4)):
        steps.append(_answer_step(dice))
    if dice.chance(0.1):
        steps.append(Fail("The model fell over."))
    elif dice.chance(0.03):
        steps.append(Wait(_FOREVER_MS))
    elif dice.chance(0.1):
        steps.append(Stop(dice.choice(["length", "content_filter"])))
    return tuple(steps)


def _answer_step(dice: Dice) -> AnswerStep:
    every_ms = dice.choice(_PAUSES_MS[:-1])
    match dice.randrange(4):
        case 0:
            return Wait(dice.choice(_PAUSES_MS))
        case 1:
            return Call("look_up", '{"q": "x y"}', every_ms)
        case _:
            return Say(_LONG_STORY if dice.chance(0.01) else dice.choice(_SAYINGS), every_ms)
