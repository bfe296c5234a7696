"""A model of the runtime and its engines: does what the core asks for, as badly as it happens.

Work is a generator of signals. It is slow (nobody says when its next signal comes), fails, stops in
the middle of a word, says nothing at all, or goes on for a while after it has been told to stop.
"""

from collections.abc import Iterator

from antiphon.audio.resample import resampled_length
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.core.effects import (
    CloseConnection,
    DropAudio,
    Effect,
    StartResponse,
    StopResponse,
    Transcribe,
)
from antiphon.core.plan import Plan
from antiphon.core.signals import (
    AudioAppended,
    AudioGenerated,
    Failure,
    FrameRefused,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    SpeechProbability,
    TextGenerated,
    ToolCallGenerated,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioFormat, AudioInput, PcmFormat
from tests.simulation.audio import is_loud
from tests.simulation.dice import Dice

__all__ = ["RuntimeModel"]

FRAME_SAMPLES = 512
"""How much audio the voice detector judges at a time."""

MS_PER_CHAR = 8
"""How fast the assistant speaks: too fast for people, but simulated audio takes time as well."""

MAX_CHUNK_MS = 60

_HEARD = ("yes", "one two three", "")
_WORDS = ("Well,", "this", "is", "a", "story", "that", "has", "no", "end.", "Never.", "…", "2\n3")
_FAILURE = Failure("generate", "server_error", "The model stopped answering. Try again.")


class Ear:
    """Input audio, as far as the core hears of it.

    Attributes:
        clock: Position after the last sample that was appended.
    """

    def __init__(self, dice: Dice) -> None:
        self.clock = 0
        self._dice = dice
        self._format: AudioFormat = PcmFormat()
        self._format_since = 0
        self._wire_samples = 0
        self._detecting = False
        self._judged_until = 0
        self._loud: list[tuple[int, bool]] = []  # (position after it, whether someone speaks)

    def configure(self, settings: AudioInput) -> None:
        """Take new settings."""
        if settings.format != self._format:
            self._format = settings.format
            self._format_since = self.clock
            self._wire_samples = 0
        detecting = settings.turn_detection is not None
        if detecting and not self._detecting:
            self._judged_until = self.clock
        self._detecting = detecting

    def append(self, audio: bytes) -> Signal:
        """Hear more audio."""
        is_pcm = isinstance(self._format, PcmFormat)
        if is_pcm and len(audio) % 2:
            message = "not a whole number of samples"
            return FrameRefused(RequestError(message, code="invalid_value", param="audio"))
        rate_hz = self._format.rate if isinstance(self._format, PcmFormat) else 8000
        self._wire_samples += len(audio) // (2 if is_pcm else 1)
        heard = resampled_length(self._wire_samples, rate_hz, INPUT_CLOCK_HZ)
        self.clock = self._format_since + heard
        self._loud.append((self.clock, is_loud(audio)))
        return AudioAppended(self.clock)

    def drop(self, before: int) -> None:
        """Forget audio before a position."""
        self._judged_until = max(self._judged_until, before)

    def judge(self) -> SpeechProbability | None:
        """Judge one more frame, if there is one."""
        end = self._judged_until + FRAME_SAMPLES
        if not self._detecting or end > self.clock:
            return None
        start, self._judged_until = self._judged_until, end
        while self._loud[0][0] < end:
            del self._loud[0]
        loud = self._loud[0][1] != self._dice.chance(0.02)  # detectors err
        return SpeechProbability(start, end, 0.9 if loud else self._dice.choice([0.0, 0.1, 0.4]))


class RuntimeModel:
    """Everything between one core session and its engines.

    Attributes:
        ear: Its input audio.
        recordings: How many items with audio of their own were to be transcribed.
        closed: Whether the core has closed the connection.
        plans: What responses were started with.
    """

    def __init__(self, dice: Dice) -> None:
        self.ear = Ear(dice)
        self.recordings = 0
        self.closed = False
        self.plans: list[Plan] = []
        self._dice = dice
        self._work: dict[str, Iterator[Signal]] = {}
        self._stopped: dict[str, int] = {}  # how many signals still come after all

    @property
    def busy(self) -> bool:
        """Whether any work is under way."""
        return bool(self._work)

    def perform(self, effect: Effect) -> None:
        """Do what the core asks for."""
        assert not self.closed, "nothing is asked for after the end"
        match effect:
            case Transcribe(item_id=item_id, source=source):
                self.recordings += isinstance(source, bytes)
                self._begin(item_id, self._transcribe(item_id))
            case StartResponse(plan=plan):
                self.plans.append(plan)
                self._begin(plan.response_id, self._answer(plan))
            case StopResponse(response_id=response_id):
                assert response_id in self._work, "only what works is stopped"
                assert response_id not in self._stopped, "and only once"
                self._stopped[response_id] = self._dice.randrange(4)
            case DropAudio(before=before):
                self.ear.drop(before)
            case CloseConnection():
                self.closed = True

    def work(self) -> Signal | None:
        """Return the next signal from whatever happens to be ready first."""
        if self._dice.chance(0.5) and (judgement := self.ear.judge()) is not None:
            return judgement
        if not self._work:
            return self.ear.judge()
        one = self._dice.choice(list(self._work))
        left = self._stopped.get(one)
        if left is not None:
            self._stopped[one] = left - 1
        signal = None if left == 0 else next(self._work[one], None)
        # Once the words of an item are known, another item may take its id.
        if signal is None or isinstance(signal, TranscriptFinished | TranscriptFailed):
            del self._work[one]
            self._stopped.pop(one, None)
        return signal

    def _begin(self, key: str, work: Iterator[Signal]) -> None:
        assert key not in self._work, "nothing is done twice"
        self._work[key] = work

    def _transcribe(self, item_id: str) -> Iterator[Signal]:
        text = self._dice.choice(_HEARD)
        for word in text.split():
            yield TranscriptExtended(item_id, word)
            if self._dice.chance(0.05):
                yield TranscriptFailed(item_id, _FAILURE)
                return
        yield TranscriptFinished(item_id, text)

    # --- answers ----------------------------------------------------------------------------------

    def _answer(self, plan: Plan) -> Iterator[Signal]:
        dice, one = self._dice, plan.response_id
        ending = dice.choices(
            ["stop", "length", "content_filter", "failure", "failure at once"], [6, 1, 1, 1, 0.5]
        )[0]
        if ending == "failure at once":
            yield GenerationFailed(one, _FAILURE)
            return
        yield PromptMeasured(one, 10 * len(plan.messages), dice.randrange(12))
        tokens = 0
        for signal in self._content(plan):
            tokens += isinstance(signal, TextGenerated | ToolCallGenerated)
            yield signal
            if ending == "failure" and dice.chance(0.1):
                break
        match ending:
            case "stop" | "length" | "content_filter":
                yield GenerationFinished(one, ending, tokens)
            case _:
                yield GenerationFailed(one, _FAILURE)

    def _content(self, plan: Plan) -> Iterator[Signal]:
        dice = self._dice
        speaks = dice.chance(0.9)
        if speaks and plan.modality == "audio":
            yield from self._speech(plan)
        elif speaks:
            yield from (TextGenerated(plan.response_id, text, 1) for text in self._words())
        if plan.tools and plan.tool_policy != "none":
            for index in range(dice.randrange(3)):
                yield ToolCallGenerated(plan.response_id, index, "look_up", "", 1)
                for piece in ('{"q":', "", ' "x"}')[: dice.randrange(4)]:
                    yield ToolCallGenerated(plan.response_id, index, "", piece, 1)

    def _words(self) -> Iterator[str]:
        for _ in range(self._dice.randrange(8)):
            yield " " + self._dice.choice(_WORDS)
        if self._dice.chance(0.2):
            yield ""

    def _speech(self, plan: Plan) -> Iterator[Signal]:
        """Speak one segment after the other, each right after it has been written."""
        said = 0
        bytes_per_ms = 48 if isinstance(plan.output_format, PcmFormat) else 8
        for _ in range(self._dice.randrange(4)):
            segment = 0
            for word in self._words():
                segment += len(word)
                yield TextGenerated(plan.response_id, word, 1)
            left_ms = segment * MS_PER_CHAR
            while left_ms > 0:
                duration_ms = min(left_ms, self._dice.randint(1, MAX_CHUNK_MS))
                left_ms -= duration_ms
                pcm = bytes(duration_ms * bytes_per_ms)
                yield AudioGenerated(plan.response_id, pcm, duration_ms)
            said += segment
            yield SegmentSpoken(plan.response_id, said)
