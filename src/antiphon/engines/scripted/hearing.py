"""Scripted engines that hear.

Without a script they follow rules:

* the **denoiser** silences every 10 ms that are not louder than a threshold;
* the **voice detector** hears speech in a frame whose root mean square exceeds a threshold;
* the **turn predictor** takes every pause for the end of the turn;
* the **transcriber** hears one fixed sentence in anything that is not silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence

import numpy as np
from numpy.typing import NDArray

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    MicrophoneDistance,
    SpeakerTurn,
    TimedWord,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.scripted.engine import REMEMBERED_REQUESTS, ScriptedEngine
from antiphon.engines.scripted.script import (
    Judge,
    PredictionStep,
    Reel,
    Say,
    Script,
    SpeakerSays,
    TranscriptionStep,
    Wait,
    read_script,
)
from antiphon.engines.scripted.word_counter import split_words
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "LOGPROB",
    "ScriptedDenoiser",
    "ScriptedDenoisingStream",
    "ScriptedTranscriber",
    "ScriptedTurnPredictor",
    "ScriptedVoiceDetector",
    "create_denoiser",
    "create_transcriber",
    "create_turn_predictor",
    "create_voice_detector",
]

HOP_SAMPLES = 10 * LISTENING_RATE_HZ // 1000

LOGPROB = -0.125
"""Log probability of every word that the transcriber hears: it is rather sure."""

_PUNCTUATION = ",.;:!?"


class ScriptedDenoisingStream:
    """Silences what is not louder than a threshold, 10 ms at a time; only the rest is foreground.

    Args:
        noise_rms: The threshold, a root mean square.
    """

    delay_samples = HOP_SAMPLES - 1

    def __init__(self, noise_rms: float) -> None:
        self._noise_rms = noise_rms
        self._pending = np.zeros(0, np.float32)
        self._position = 0
        self._loud: deque[tuple[int, int]] = deque()

    def push(self, audio: Floats) -> Floats:
        """Return what is complete; see ``DenoisingStream.push``."""
        pending = np.concatenate([self._pending, audio])
        whole_samples = len(pending) // HOP_SAMPLES * HOP_SAMPLES
        self._pending = pending[whole_samples:]
        return self._silence(pending[:whole_samples])

    def flush(self) -> Floats:
        """Return the rest; see ``DenoisingStream.flush``."""
        rest, self._pending = self._pending, np.zeros(0, np.float32)
        return self._silence(rest)

    def in_foreground(self, start: int, end: int) -> bool:
        """Whether anything in the span is loud; see ``DenoisingStream.in_foreground``."""
        while self._loud and self._loud[0][1] <= start:
            self._loud.popleft()
        return bool(self._loud) and self._loud[0][0] < end

    def _silence(self, audio: Floats) -> Floats:
        cleaned = audio.copy()
        for start in range(0, len(audio), HOP_SAMPLES):
            hop = cleaned[start : start + HOP_SAMPLES]
            if np.sqrt(np.mean(np.square(hop))) > self._noise_rms:
                self._loud.append((self._position, self._position + len(hop)))
            else:
                hop[:] = 0
            self._position += len(hop)
        return cleaned


class ScriptedDenoiser(ScriptedEngine):
    """Opens streams that silence what is quiet.

    Attributes:
        opened: Distance and strength of the last streams it was asked for.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "detect")
        self.opened: deque[tuple[MicrophoneDistance, float]] = deque(maxlen=REMEMBERED_REQUESTS)

    def open(self, distance: MicrophoneDistance, strength: float) -> ScriptedDenoisingStream:
        """Begin a stream. The strength scales the threshold; the distance makes no difference."""
        self.check_open()
        self.opened.append((distance, strength))
        scaled_rms = self._script.noise_rms * strength
        return ScriptedDenoisingStream(scaled_rms if strength > 0 else -1.0)


class ScriptedTurnPredictor(ScriptedEngine):
    """Judges what the script says.

    Attributes:
        reel: Its takes.
        heard: The audio it was given last.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "detect")
        self.reel: Reel[PredictionStep] = Reel(script.predictions)
        self.heard: deque[Floats] = deque(maxlen=REMEMBERED_REQUESTS)

    async def predict(self, audio: Floats) -> float:
        """Act out the next take, up to its judgement."""
        self.check_open()
        self.heard.append(audio)
        for step in self.reel.next_for("") or ():
            await self.keep_time(step)
            if isinstance(step, Judge):
                return step.probability
        return self._script.turn_probability


class ScriptedVoiceDetector(ScriptedEngine):
    """Hears speech in every frame that is louder than the script's threshold."""

    frame_samples = 512

    def initial_state(self) -> NDArray[np.float32]:
        """An empty row: every frame is judged by itself."""
        return np.zeros(0, np.float32)

    def step(
        self, frames: Floats, states: Sequence[NDArray[np.float32]]
    ) -> tuple[Floats, list[NDArray[np.float32]]]:
        """Probability 1 or 0 for each frame; the states pass unchanged."""
        self.check_open()
        rms = np.sqrt(np.mean(np.square(frames), axis=1))
        return (rms > self._script.speech_rms).astype(np.float32), list(states)


class ScriptedTranscriber(ScriptedEngine):
    """Hears what the script says.

    Attributes:
        reel: Its takes.
        requests: The last utterances and hints it was given.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "transcribe")
        self.reel: Reel[TranscriptionStep] = Reel(script.transcriptions)
        self.requests: deque[tuple[Floats, TranscriptionRequest]] = deque(
            maxlen=REMEMBERED_REQUESTS
        )

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Yield one delta a word of the take, then the transcript.

        Each word is a token, and each is said in the same time.
        """
        self.check_open()
        self.requests.append((audio, request))
        steps = self.reel.next_for(request.prompt or "")
        if steps is None:
            steps = self._by_rule(audio)
        heard: list[str] = []
        for step in steps:
            await self.keep_time(step)
            if isinstance(step, Say | SpeakerSays):
                for word in split_words(step.text):
                    await self._pass(step.every_ms)
                    heard.append(word)
                    yield TranscriptDelta(word, _logprobs([word], request))
            if isinstance(step, SpeakerSays):
                start_s, end_s = step.start_ms / 1000, step.end_ms / 1000
                yield SpeakerTurn(step.speaker, start_s, end_s, step.text.strip())
        yield Transcript(
            "".join(heard),
            self._script.languages,
            _logprobs(heard, request),
            _timed(heard, audio) if request.word_times else (),
        )

    def _by_rule(self, audio: Floats) -> tuple[TranscriptionStep, ...]:
        silent = not audio.size or np.sqrt(np.mean(np.square(audio))) <= self._script.speech_rms
        sentence = "" if silent else self._script.sentence
        return (Wait(self._script.transcribe_ms), Say(sentence))


def create_denoiser(settings: EngineSettings) -> ScriptedDenoiser:
    """Build the scripted denoiser; see ``script.read_script``."""
    info = EngineInfo(name=settings.name, role="denoiser", rate_hz=LISTENING_RATE_HZ)
    return ScriptedDenoiser(info, read_script(settings.options, "detect"))


def create_turn_predictor(settings: EngineSettings) -> ScriptedTurnPredictor:
    """Build the scripted turn predictor; see ``script.read_script``."""
    info = EngineInfo(name=settings.name, role="turn_predictor", rate_hz=LISTENING_RATE_HZ)
    return ScriptedTurnPredictor(info, read_script(settings.options, "detect"))


def create_voice_detector(settings: EngineSettings) -> ScriptedVoiceDetector:
    """Build the scripted voice detector; see ``script.read_script``."""
    info = EngineInfo(name=settings.name, role="voice_detector", rate_hz=LISTENING_RATE_HZ)
    return ScriptedVoiceDetector(info, read_script(settings.options, "detect"), "detect")


def create_transcriber(settings: EngineSettings) -> ScriptedTranscriber:
    """Build the scripted transcriber; see ``script.read_script``."""
    info = EngineInfo(
        name=settings.name,
        role="transcriber",
        scripted=True,
        rate_hz=LISTENING_RATE_HZ,
        deltas=True,
        logprobs=True,
        word_times=True,
        translates=True,
        diarization=True,
    )
    return ScriptedTranscriber(info, read_script(settings.options, "transcribe"))


def _logprobs(words: Sequence[str], request: TranscriptionRequest) -> tuple[LogProb, ...]:
    if not request.logprobs:
        return ()
    return tuple(LogProb(token=word, logprob=LOGPROB, bytes=tuple(word.encode())) for word in words)


def _timed(words: Sequence[str], audio: Floats) -> tuple[TimedWord, ...]:
    each_s = len(audio) / LISTENING_RATE_HZ / max(1, len(words))
    return tuple(
        TimedWord(word.strip().strip(_PUNCTUATION), number * each_s, (number + 1) * each_s)
        for number, word in enumerate(words)
    )
