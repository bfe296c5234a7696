"""What there is to know at each pause of a turn, worked out once and kept beside the speech.

The real detector finds the pauses, as it does in a session. At each of them the turn predictor and
the transcriber are given the turn until then, and the language model is asked how probable it is
that the user's message ends there.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from msgspec import Struct

from antiphon.audio.formats import Floats
from antiphon.core.turns import SpeechPaused, SpeechResumed, SpeechStarted, TurnDetector
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.hearing import LISTENING_RATE_HZ, TurnPredictor, VoiceDetector
from antiphon.engines.registry import load_engine
from antiphon.engines.weights import default_home, path_of
from antiphon.wire.audio_config import SemanticVad
from bench.turn_set import Turn
from bench.turn_voices import Studio, cache_folder

__all__ = ["Observed", "Pause", "frames_of", "observe"]

LONGEST_WAIT_MS = 8000
_END_OF_MESSAGE = re.compile(r"\s*[.?!\n]|<\|im_end\|>|$")
"""Tokens that end the sentence or the message."""


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
    """The engines, loaded when the first turn is not in the cache."""

    def __init__(self, studio: Studio, detector: VoiceDetector, predictor: TurnPredictor) -> None:
        self._studio = studio
        self._detector = detector
        self._predictor = predictor
        self._reader = _MessageReader()

    async def observe(self, turn: Turn) -> Observed:
        size = self._detector.frame_samples
        seen = Observed(self._probabilities(turn.audio), size, [])
        spans, ends = _pauses(seen)
        for (start, at), is_end in zip(spans, ends, strict=True):
            heard = turn.audio[start:at]
            transcript = await self._studio.transcribe(heard)
            finished = await self._predictor.predict(heard)
            message_ends = self._reader.message_ends(transcript)
            seen.pauses.append(Pause(at, is_end, finished, transcript, message_ends))
        return seen

    async def aclose(self) -> None:
        await self._detector.aclose()
        await self._predictor.aclose()

    def _probabilities(self, audio: Floats) -> list[float]:
        size = self._detector.frame_samples
        state = self._detector.initial_state()
        probabilities = []
        for frame in audio[: len(audio) // size * size].reshape(-1, 1, size):
            judged, (state,) = self._detector.step(frame, [state])
            probabilities.append(float(judged[0]))
        return probabilities


class _MessageReader:
    """Asks the embedded language model whether a message is over."""

    def __init__(self) -> None:
        import xllamacpp  # noqa: PLC0415 (an optional extra)

        model = builtin_catalogue().default("language_model").files["model"]
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path_of(model, default_home()))
        parameters.n_gpu_layers, parameters.n_parallel, parameters.n_ctx = 0, 1, 1024
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
        parameters.verbosity = -1
        self._server: Any = xllamacpp.Server(parameters)

    def message_ends(self, transcript: str) -> float:
        """Return the probability that what follows these words is an end."""
        prompt = (
            "<|im_start|>system\nYou are a helpful voice assistant.<|im_end|>\n"
            f"<|im_start|>user\n{transcript.rstrip('.?!,')}"
        )
        answers: list[Any] = []
        request = {"prompt": prompt, "n_predict": 1, "n_probs": 100, "temperature": 0.0}
        self._server.handle_completions({**request, "stream": False}, answers.append)
        (token,) = answers[0]["choices"][0]["logprobs"]["content"]
        return float(
            sum(
                np.exp(other["logprob"])
                for other in token["top_logprobs"]
                if _END_OF_MESSAGE.match(other["token"])
            )
        )


async def _observe(turns: Sequence[Turn]) -> list[Observed]:
    paths = [_path_of(turn) for turn in turns]
    if not all(path.exists() for path in paths):
        studio = Studio()
        observer = _Observer(
            studio,
            cast("VoiceDetector", await load_engine("voice_detector")),
            cast("TurnPredictor", await load_engine("turn_predictor")),
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
    digest = hashlib.sha256(turn.audio.tobytes()).hexdigest()[:16]
    return cache_folder() / f"{digest}.json"
