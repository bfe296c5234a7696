"""What there is to know at each pause of a turn, worked out once and kept beside the speech.

The real detector finds the pauses, as it does in a session. At each of them the turn predictor and
the transcriber are given the turn until then, and the language model is asked how probable it is
that the user's message ends there, after what the assistant had said.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from antiphon.audio.formats import Floats
from antiphon.core.plan import ChatMessage
from antiphon.core.turns import SpeechPaused, SpeechResumed, SpeechStarted, TurnDetector
from antiphon.engines.hearing import LISTENING_RATE_HZ, TurnPredictor, VoiceDetector
from antiphon.engines.registry import load_engine
from antiphon.engines.thinking import GenerationRequest, LanguageModel, MessageEndPredictor
from antiphon.wire.audio_config import SemanticVad
from bench.turn_set import Turn
from bench.turn_voices import Studio, cache_folder

__all__ = ["Observed", "Pause", "frames_of", "observe"]

LONGEST_WAIT_MS = 8000
INSTRUCTIONS = "You are a helpful voice assistant."


class Pause(Struct, frozen=True):
    """A pause, as the detector sees it.

    Attributes:
        at: Position at which it was noticed; 64 ms of it have passed.
        is_end: Whether the turn is over.
        finished: The turn predictor's probability that the speaker has finished.
        transcript: What the transcriber has heard until now.
        message_ends: The language model's probability that the message ends here.
    """

    at: int
    is_end: bool
    finished: float
    transcript: str
    message_ends: float


class Observed(Struct, frozen=True):
    """A turn as the server's engines see it.

    Attributes:
        probabilities: Of speech, one a frame.
        frame_samples: Length of a frame.
        pauses: All of them; the last is the end.
    """

    probabilities: list[float]
    frame_samples: int
    pauses: list[Pause]


def observe(turns: Sequence[Turn]) -> list[Observed]:
    """Return what the engines make of each turn. Takes minutes the first time.

    Raises:
        AntiphonError: An engine cannot be loaded.
    """
    return asyncio.run(_observe(turns))


def frames_of(observed: Observed) -> Iterator[tuple[int, int, float]]:
    """Yield start, end and probability of each frame, followed by as much silence as it takes."""
    size = observed.frame_samples
    silence = [0.0] * (LONGEST_WAIT_MS * LISTENING_RATE_HZ // 1000 // size + 2)
    for index, probability in enumerate([*observed.probabilities, *silence]):
        yield index * size, (index + 1) * size, probability


class _Observer:
    """The engines that are asked, besides the studio's transcriber."""

    def __init__(
        self,
        studio: Studio,
        detector: VoiceDetector,
        predictor: TurnPredictor,
        language_model: LanguageModel,
    ) -> None:
        assert isinstance(language_model, MessageEndPredictor)
        self._studio = studio
        self._detector = detector
        self._predictor = predictor
        self._reader = language_model
        self._engines = (detector, predictor, language_model)

    async def observe(self, turn: Turn) -> Observed:
        size = self._detector.frame_samples
        seen = Observed(self._probabilities(turn.audio), size, [])
        spans, ends = _pauses(seen)
        for (start, at), is_end in zip(spans, ends, strict=True):
            heard = turn.audio[start:at]
            transcript = await self._studio.transcribe(heard)
            finished = await self._predictor.predict(heard)
            message_ends = await self._reader.predict_message_end(
                _request(turn.replies_to, transcript)
            )
            seen.pauses.append(Pause(at, is_end, finished, transcript, message_ends))
        return seen

    async def aclose(self) -> None:
        for engine in self._engines:
            await engine.aclose()

    def _probabilities(self, audio: Floats) -> list[float]:
        size = self._detector.frame_samples
        state = self._detector.initial_state()
        probabilities = []
        for frame in audio[: len(audio) // size * size].reshape(-1, 1, size):
            judged, (state,) = self._detector.step(frame, [state])
            probabilities.append(float(judged[0]))
        return probabilities


def _request(replies_to: str, transcript: str) -> GenerationRequest:
    """Return what the model would be asked to answer if the turn was over."""
    before = [ChatMessage("system", INSTRUCTIONS)]
    if replies_to:
        before.append(ChatMessage("assistant", replies_to))
    return GenerationRequest(messages=(*before, ChatMessage("user", transcript)))


async def _observe(turns: Sequence[Turn]) -> list[Observed]:
    paths = [_path_of(turn) for turn in turns]
    if not all(path.exists() for path in paths):
        studio = Studio()
        observer = _Observer(
            studio,
            cast("VoiceDetector", await load_engine("voice_detector")),
            cast("TurnPredictor", await load_engine("turn_predictor")),
            cast("LanguageModel", await load_engine("language_model")),
        )
        try:
            for turn, path in zip(turns, paths, strict=True):
                if not path.exists():
                    path.write_bytes(msgspec.json.encode(await observer.observe(turn)))
        finally:
            await observer.aclose()
            await studio.aclose()
    return [msgspec.json.decode(path.read_bytes(), type=Observed) for path in paths]


def _pauses(observed: Observed) -> tuple[list[tuple[int, int]], list[bool]]:
    """Return the turn's audio until each pause, and of each pause whether it is the end."""
    detector = TurnDetector(SemanticVad(eagerness="low"))
    start = 0
    spans: list[tuple[int, int]] = []
    ends: list[bool] = []
    for frame in frames_of(observed):
        match detector.step(*frame):
            case SpeechStarted(position):
                start = position
            case SpeechPaused(position):
                spans.append((start, position))
                ends.append(True)
            case SpeechResumed():
                ends[-1] = False
    return spans, ends


def _path_of(turn: Turn) -> Path:
    known = turn.audio.tobytes() + turn.replies_to.encode()
    digest = hashlib.sha256(known).hexdigest()[:16]
    return cache_folder() / f"{digest}.json"
