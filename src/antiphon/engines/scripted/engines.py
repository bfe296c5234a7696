"""Engines without weights that do exactly what a script says, when it says so.

They are for testing voice apps, and Antiphon itself: every transcript, token, tool call, failure
and sample is decided beforehand, and time passes only where the script lets it pass (so they run
as well on an event loop whose time is simulated). Without a script they follow rules:

* the **voice detector** hears speech in a frame whose root mean square exceeds a threshold;
* the **transcriber** hears one fixed sentence in anything that is not silent;
* the **language model** says ``You said: <the last user message>.``, calls a function when it has
  to or when the user names it, and reports what a function answered;
* the **synthesizer** sounds a steady tone whose length follows the text.

One word counts as one token.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    SpeakerTurn,
    TimedWord,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    Hang,
    ReadPrompt,
    Reel,
    Say,
    Script,
    Sound,
    SpeakerSays,
    SpeechStep,
    Stop,
    TranscriptionStep,
    Wait,
    WaitFor,
    read_script,
)
from antiphon.engines.scripted.word_counter import WordCounter
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    SpeechDelta,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError, Stage
from antiphon.wire.session import FunctionTool
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "REMEMBERED_REQUESTS",
    "ScriptedEngine",
    "ScriptedLanguageModel",
    "ScriptedSynthesizer",
    "ScriptedTranscriber",
    "ScriptedVoiceDetector",
    "create_language_model",
    "create_synthesizer",
    "create_transcriber",
    "create_voice_detector",
    "last_user_text",
    "outputs_since_user",
]

REMEMBERED_REQUESTS = 32
"""How many of the last requests an engine keeps for tests to look at."""

_PUNCTUATION = ",.;:!?"

SPEAKING_RATE_HZ = 24_000
CHUNK_MS = 100
LOGPROB = -0.125
"""Log probability of every word that the transcriber hears: it is rather sure."""

TONE_AMPLITUDE = 0.25
TONES_HZ = {"alto": 440.0, "tenor": 220.0, "bass": 110.0}
"""The synthesizer's voices. Each is loud enough for its own voice detector."""


class ScriptedEngine:
    """What the scripted engines have in common: a script, a timeline, an end."""

    def __init__(self, info: EngineInfo, script: Script, stage: Stage) -> None:
        self.info = info
        self._script = script
        self._stage = stage
        self._closed = anyio.Event()

    async def aclose(self) -> None:
        """Fail all work under way and all later work. May be called twice."""
        self._closed.set()

    def check_open(self) -> None:
        """Raise an ``EngineError`` if it is closed."""
        if self._closed.is_set():
            message = f"{self.info.name} is closed"
            raise EngineError(message, stage=self._stage, code="engine_closed")

    async def keep_time(self, step: object) -> None:
        """Perform the steps that all engines know; do nothing for any other."""
        match step:
            case Wait(ms=ms):
                await self._pass(ms)
            case WaitFor(gate=gate):
                await self._unless_closed(gate.enter)
            case Hang():
                await self._unless_closed(anyio.sleep_forever)
            case Fail():
                raise EngineError(
                    step.message, stage=self._stage, code=step.code, retryable=step.retryable
                )

    async def _pass(self, ms: float) -> None:
        if ms > 0:
            await self._unless_closed(lambda: anyio.sleep(ms / 1000))
        else:
            await anyio.lowlevel.checkpoint()
            self.check_open()

    async def _unless_closed(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait, but no longer than the engine is open."""

        async def cancel_when_closed(scope: anyio.CancelScope) -> None:
            await self._closed.wait()
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(cancel_when_closed, group.cancel_scope)
            await wait()
            group.cancel_scope.cancel()
        self.check_open()


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
                for word in _words(step.text):
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


class ScriptedLanguageModel(ScriptedEngine):
    """Answers what the script says.

    Attributes:
        reel: Its takes.
        counter: Counts its tokens.
        requests: The last requests it was given, without those that only warmed it.
        warmed: The last requests that it was told to prepare for.
        foreseen: The last requests of which it was to say whether the message is over.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "generate")
        self.reel: Reel[AnswerStep] = Reel(script.answers)
        self.counter = WordCounter()
        self.requests: deque[GenerationRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.warmed: deque[GenerationRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.foreseen: deque[GenerationRequest] = deque(maxlen=REMEMBERED_REQUESTS)

    async def warm(self, request: GenerationRequest) -> None:
        """Remember that it was asked; there is no cache to fill."""
        self.warmed.append(request)

    async def predict_message_end(self, request: GenerationRequest) -> float:
        """Say what the script says of every message."""
        self.check_open()
        self.foreseen.append(request)
        return self._script.message_end_probability

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Yield the take's events, cut off at ``max_output_tokens``."""
        self.check_open()
        self.requests.append(request)
        input_tokens = self._read(request)
        steps = self.reel.next_for(last_user_text(request), outputs_since_user(request))
        if steps is None:
            steps = self._by_rule(request)
        if not any(isinstance(step, ReadPrompt) for step in steps):
            yield PromptRead(input_tokens, cached_tokens=0)
        output_tokens = calls = 0
        for step in steps:
            await self.keep_time(step)
            if isinstance(step, Stop):
                yield GenerationEnd(step.reason, output_tokens)
                return
            if isinstance(step, Sound) and request.voice is not None:
                for chunk in _tone(step.ms, TONES_HZ[request.voice]):
                    await self._pass(step.every_ms)
                    yield SpeechDelta(chunk)
            for delay_ms, event in _events(step, input_tokens, call_index=calls):
                await self._pass(delay_ms)
                if isinstance(event, TextDelta | ToolCallDelta):
                    if output_tokens == request.max_output_tokens:
                        yield GenerationEnd("length", output_tokens)
                        return
                    output_tokens += event.tokens
                yield event
            calls += isinstance(step, Call)
        yield GenerationEnd("stop", output_tokens)

    def _read(self, request: GenerationRequest) -> int:
        """Count the prompt.

        Raises:
            EngineError: ``context_length_exceeded``.
        """
        tokens = self.counter.frame_tokens("", request.tools)
        tokens += sum(map(self.counter.message_tokens, request.messages))
        limit = self._script.context_tokens
        if limit is not None and tokens > limit:
            message = f"the prompt has {tokens} words, but {self.info.name} reads at most {limit}"
            raise EngineError(message, stage="generate", code="context_length_exceeded")
        return tokens

    def _by_rule(self, request: GenerationRequest) -> tuple[AnswerStep, ...]:
        every_ms = self._script.token_ms
        tool = _tool_to_call(request)
        if tool is not None:
            arguments = json.dumps(_example(tool.parameters or {}, last_user_text(request)))
            return (Call(tool.name, arguments, every_ms),)
        last = request.messages[-1] if request.messages else None
        if last is None or last.role == "system":
            return (Say("Hello.", every_ms),)
        opening = "The function answered" if last.role == "tool" else "You said"
        said = last.text if last.role == "tool" else last_user_text(request)
        text = f"{opening}: {said.rstrip('.')}."
        spoken_ms = len(text) * self._script.ms_per_character
        return (Say(text, every_ms), *((Sound(spoken_ms),) if request.voice else ()))


class ScriptedSynthesizer(ScriptedEngine):
    """Sounds a steady tone for as long as the script says.

    Attributes:
        reel: Its takes.
        requests: The last segments it was given.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "synthesize")
        self.reel: Reel[SpeechStep] = Reel(script.speeches)
        self.requests: deque[SpeechRequest] = deque(maxlen=REMEMBERED_REQUESTS)

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Yield the take's tone in chunks of 100 ms (the last one may be shorter)."""
        self.check_open()
        if request.voice not in TONES_HZ:
            voices = ", ".join(self.info.voices)
            message = f"{self.info.name} has no voice {request.voice!r}; its voices are {voices}"
            raise EngineError(message, stage="synthesize", code="voice_not_found")
        self.requests.append(request)
        steps = self.reel.next_for(request.text)
        if steps is None:
            steps = self._by_rule(request)
        for step in steps:
            await self.keep_time(step)
            if isinstance(step, Sound):
                for chunk in _tone(step.ms, TONES_HZ[request.voice]):
                    await self._pass(step.every_ms)
                    yield chunk

    def _by_rule(self, request: SpeechRequest) -> tuple[SpeechStep, ...]:
        spoken_ms = len(request.text) * self._script.ms_per_character / request.speed
        return (Wait(self._script.synthesize_ms), Sound(spoken_ms))


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
        diarization=True,
    )
    return ScriptedTranscriber(info, read_script(settings.options, "transcribe"))


def create_language_model(settings: EngineSettings) -> ScriptedLanguageModel:
    """Build the scripted language model; see ``script.read_script``."""
    script = read_script(settings.options, "generate")
    info = EngineInfo(
        name=settings.name,
        role="language_model",
        scripted=True,
        context_tokens=script.context_tokens,
        tools=True,
        images=script.images,
        hears=script.hears,
        speaks=script.speaks,
        rate_hz=SPEAKING_RATE_HZ if script.speaks else 0,
        voices=tuple(TONES_HZ) if script.speaks else (),
    )
    return ScriptedLanguageModel(info, script)


def create_synthesizer(settings: EngineSettings) -> ScriptedSynthesizer:
    """Build the scripted synthesizer; see ``script.read_script``."""
    info = EngineInfo(
        name=settings.name,
        role="synthesizer",
        scripted=True,
        rate_hz=SPEAKING_RATE_HZ,
        voices=tuple(TONES_HZ),
    )
    return ScriptedSynthesizer(info, read_script(settings.options, "synthesize"))


def _words(text: str) -> list[str]:
    """Split text into words, each with the white space before it; joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


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


def last_user_text(request: GenerationRequest) -> str:
    """What the user said last; of audio, how long it sounds, or its words if it is not kept."""
    users = (message for message in reversed(request.messages) if message.role == "user")
    last = next(users, None)
    if last is None:
        return ""
    heard = (
        f"{len(request.recordings[clip.item_id]) / LISTENING_RATE_HZ:.1f} s of sound"
        if clip.item_id in request.recordings
        else clip.transcript
        for clip in last.audio
    )
    return " ".join(filter(None, (last.text, *heard)))


def outputs_since_user(request: GenerationRequest) -> int:
    """How often functions have returned since the user's last words; several at once are once."""
    rounds, last_role = 0, "user"
    for message in request.messages:
        if message.role == "user":
            rounds = 0
        elif message.role == "tool" and last_role != "tool":
            rounds += 1
        last_role = message.role
    return rounds


def _events(
    step: AnswerStep, input_tokens: int, *, call_index: int
) -> Iterator[tuple[float, GenerationEvent]]:
    """The events of one step, each with the milliseconds that pass before it."""
    match step:
        case ReadPrompt(cached_tokens=cached_tokens):
            yield 0.0, PromptRead(input_tokens, cached_tokens)
        case Say(text=text, every_ms=every_ms):
            for word in _words(text):
                yield every_ms, TextDelta(word)
        case Call(name=name, arguments=arguments, every_ms=every_ms):
            yield every_ms, ToolCallDelta(call_index, name=name)
            for word in _words(arguments):
                yield every_ms, ToolCallDelta(call_index, arguments=word)


def _tool_to_call(request: GenerationRequest) -> FunctionTool | None:
    """The function that the rule calls: the forced one, one the user names, or any if it must."""
    if not request.tools or request.tool_policy == "none":
        return None
    if request.forced_tool is not None:
        return next((tool for tool in request.tools if tool.name == request.forced_tool), None)
    answered = bool(request.messages) and request.messages[-1].role == "tool"
    words = set(re.findall(r"[\w-]+", last_user_text(request)))
    named = None if answered else next((tool for tool in request.tools if tool.name in words), None)
    if named is None and request.tool_policy == "required":
        return request.tools[0]
    return named


def _example(schema: dict[str, Any], text: str) -> Any:  # noqa: ANN401 (any JSON value)
    """A value that fits the usual forms of a JSON schema; strings are the user's text."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            required = schema.get("required", ())
            properties = schema.get("properties", {})
            return {name: _example(properties.get(name, {}), text) for name in required}
        case "array":
            return []
        case "string":
            return text
        case "boolean":
            return False
        case "integer" | "number":
            return schema.get("minimum", 0)
        case _:
            return None


def _tone(ms: float, frequency_hz: float) -> Iterator[Floats]:
    """A sine of ``ms`` milliseconds at 24 kHz, in chunks of 100 ms with unbroken phase."""
    samples = round(ms * SPEAKING_RATE_HZ / 1000)
    chunk_samples = CHUNK_MS * SPEAKING_RATE_HZ // 1000
    for start in range(0, samples, chunk_samples):
        at = np.arange(start, min(start + chunk_samples, samples))
        wave = TONE_AMPLITUDE * np.sin(2 * np.pi * frequency_hz * at / SPEAKING_RATE_HZ)
        yield wave.astype(np.float32)
