"""What scripted engines act out: takes of steps on a timeline.

A :class:`Script` can be built in Python, for tests of one's own voice app, or written as TOML and
named by the engine option ``script``::

    sentence = "Good morning."          # what every utterance is heard as

    [[answers]]                         # used once, for the first answer
    steps = [
        { do = "wait", ms = 200 },
        { do = "say", text = "Let me look that up.", every_ms = 30 },
        { do = "call", name = "get_weather", arguments = '{"city": "Oslo"}' },
    ]

    [[answers]]                         # used whenever the user's words contain it
    when = "broken"
    steps = [{ do = "fail", message = "The model fell over." }]

Takes with ``when`` come first; takes without are used once each, in order. When no take is left,
the engines follow simple rules, which are told where the engines are; their figures are the
script's other fields. A step that takes time names it in milliseconds; nothing else takes any.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import anyio
import msgspec
from msgspec import Meta, Struct

from antiphon.errors import EngineError, Stage
from antiphon.wire.refusal import explain

__all__ = [
    "AnswerStep",
    "Call",
    "Fail",
    "Gate",
    "Hang",
    "Judge",
    "PredictionStep",
    "ReadPrompt",
    "Reel",
    "Say",
    "Script",
    "Sound",
    "SpeakerSays",
    "SpeechStep",
    "Stop",
    "Take",
    "TranscriptionStep",
    "Wait",
    "WaitFor",
    "read_script",
]


Milliseconds = Annotated[float, Meta(ge=0)]


class Gate:
    """A point where a scripted engine waits until a test lets it pass. Once open, it stays open."""

    def __init__(self) -> None:
        self._reached = anyio.Event()
        self._opened = anyio.Event()

    async def reached(self) -> None:
        """Wait until an engine stands at the gate."""
        await self._reached.wait()

    def open(self) -> None:
        """Let every engine pass, now and later."""
        self._opened.set()

    async def enter(self) -> None:
        """Wait until the gate is open (the engine's side)."""
        self._reached.set()
        await self._opened.wait()


class _Step(Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Base of all steps; TOML names the kind of step in the field ``do``."""


class Wait(_Step, frozen=True, tag="wait"):
    """Let ``ms`` milliseconds pass."""

    ms: Milliseconds


class WaitFor(_Step, frozen=True, tag="wait_for"):
    """Wait until the test opens the gate. Scripts written in TOML have no gates."""

    gate: Gate


class Fail(_Step, frozen=True, tag="fail"):
    """Raise an ``EngineError`` of the engine's stage."""

    message: str
    code: str = "server_error"
    retryable: bool = False


class Hang(_Step, frozen=True, tag="hang"):
    """Do nothing more, until the work is cancelled."""


class Say(_Step, frozen=True, tag="say"):
    """Hear or answer text: one delta a word, each after ``every_ms``."""

    text: str
    every_ms: Milliseconds = 0.0


class SpeakerSays(_Step, frozen=True, tag="speaker_says"):
    """Hear one of several speakers: as ``say``, then told as the turn of that speaker.

    The turn lasts from ``start_ms`` to ``end_ms`` of the utterance.
    """

    speaker: str
    text: str
    start_ms: float
    end_ms: float
    every_ms: Milliseconds = 0.0


class Judge(_Step, frozen=True, tag="judge"):
    """Judge the pause: how probably it ends the turn, 0 to 1."""

    probability: float


class Call(_Step, frozen=True, tag="call"):
    """Call a function: one delta with its name, then one a word of the arguments' JSON text."""

    name: str
    arguments: str = "{}"
    every_ms: Milliseconds = 0.0


class ReadPrompt(_Step, frozen=True, tag="read_prompt"):
    """Report the prompt as read. A take without this step reports it at its start, uncached."""

    cached_tokens: int = 0


class Stop(_Step, frozen=True, tag="stop"):
    """End the answer for another reason than being finished."""

    reason: Literal["length", "content_filter"]


class Sound(_Step, frozen=True, tag="sound"):
    """Sound the voice's tone for ``ms``, in chunks of 100 ms, each after ``every_ms``.

    In an answer it is heard if the language model speaks (``speaks``) and is asked to.
    """

    ms: Milliseconds
    every_ms: Milliseconds = 0.0


TranscriptionStep = Wait | WaitFor | Fail | Hang | Say | SpeakerSays
PredictionStep = Wait | WaitFor | Fail | Hang | Judge
AnswerStep = Wait | WaitFor | Fail | Hang | Say | Call | Sound | ReadPrompt | Stop
SpeechStep = Wait | WaitFor | Fail | Hang | Sound

StepT = TypeVar("StepT")


class Take(Struct, Generic[StepT], frozen=True, forbid_unknown_fields=True):
    """One performance.

    Attributes:
        steps: What happens, in order.
        when: Use this take whenever the request contains these words, whatever their case: the
            last user message of an answer, the text of a speech, the prompt of a transcription.
            Without it the take is used once, in its turn.
        after_outputs: Of a take with ``when``: which of the answers to the user's words it is. 0 is
            the first, 1 the one after functions have returned, 2 the one after functions that
            were called by that, and so on; ``None`` is each of them.
    """

    steps: tuple[StepT, ...]
    when: str | None = None
    after_outputs: int | None = None


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the scripted engines do.

    Attributes:
        predictions: Takes of the turn predictor, each ending with a judgement.
        transcriptions: Takes of the transcriber.
        answers: Takes of the language model.
        speeches: Takes of the synthesizer.
        message_end_probability: How probably, by the language model, every message is over.
        turn_probability: What the turn predictor judges when no take is left.
        sentence: What the transcriber hears when no take is left.
        transcribe_ms: How long it then thinks.
        languages: ISO-639-1 codes of the languages that the transcriber detects in everything.
        images: Whether the language model sees images.
        hears: Whether the language model hears what is said, in place of reading its words.
        speaks: Whether the language model speaks its answers, in place of the synthesizer.
        token_ms: How long the language model takes for a token when no take is left.
        context_tokens: How many words it reads and writes together; ``None`` without a limit.
        synthesize_ms: How long the synthesizer takes for a segment when no take is left.
        ms_per_character: How long it then speaks, at speed 1.
        speech_rms: Root mean square, 0 … 1, above which the voice detector hears speech.
        noise_rms: Root mean square up to which the denoiser silences sound.
    """

    predictions: tuple[Take[PredictionStep], ...] = ()
    transcriptions: tuple[Take[TranscriptionStep], ...] = ()
    answers: tuple[Take[AnswerStep], ...] = ()
    speeches: tuple[Take[SpeechStep], ...] = ()
    message_end_probability: float = 1.0
    turn_probability: float = 1.0
    sentence: str = "Hello there."
    transcribe_ms: float = 0.0
    languages: tuple[str, ...] = ()
    images: bool = False
    hears: bool = False
    speaks: bool = False
    token_ms: float = 0.0
    context_tokens: int | None = None
    synthesize_ms: float = 0.0
    ms_per_character: float = 60.0
    speech_rms: float = 0.01
    noise_rms: float = 0.02


class Reel(Generic[StepT]):
    """Hands out the takes of one engine. They may be changed at any time, on any thread."""

    def __init__(self, takes: tuple[Take[StepT], ...] = ()) -> None:
        self._lock = threading.Lock()
        self._takes = [*takes]

    def next_for(self, text: str, after_outputs: int = 0) -> tuple[StepT, ...] | None:
        """The steps for a request; ``None`` if no take is left for it.

        Args:
            text: What :attr:`Take.when` is looked for in.
            after_outputs: How often functions have returned since the user's words.
        """
        spoken = text.casefold()
        with self._lock:
            for take in self._takes:
                if take.when is None or take.when.casefold() not in spoken:
                    continue
                if take.after_outputs in (None, after_outputs):
                    return take.steps
            for position, take in enumerate(self._takes):
                if take.when is None:
                    return self._takes.pop(position).steps
        return None

    def add(self, take: Take[StepT]) -> None:
        """Add a take: before the others if it has a cue, otherwise to be used after them."""
        with self._lock:
            self._takes.insert(len(self._takes) if take.when is None else 0, take)

    def replace(self, take: Take[StepT], by: Take[StepT]) -> None:
        """Put a take in the place of one that is still there.

        Raises:
            LookupError: It has been used up.
        """
        with self._lock:
            for position, other in enumerate(self._takes):
                if other is take:
                    self._takes[position] = by
                    return
        message = "the take has been used up"
        raise LookupError(message)


def read_script(options: Mapping[str, Any], stage: Stage) -> Script:
    """The script that engine options describe.

    Args:
        options: ``script`` is a :class:`Script`, or the path of a TOML file; every other option
            is a field of :class:`Script` and replaces the file's.
        stage: Stage of the engine that reads it.

    Raises:
        EngineError: The file cannot be read, or a field is unknown or of the wrong type.
    """
    fields = dict(options)
    source = fields.pop("script", None)
    try:
        if isinstance(source, Script):
            return msgspec.structs.replace(source, **fields)
        if source is not None:
            fields = msgspec.toml.decode(Path(source).read_bytes(), type=dict[str, Any]) | fields
        return msgspec.convert(fields, Script)
    except msgspec.ValidationError as error:
        raise _unusable(source, explain(Script, fields, error), stage) from error
    except (OSError, msgspec.MsgspecError, TypeError) as error:
        raise _unusable(source, error, stage) from error


def _unusable(source: object, reason: Exception, stage: Stage) -> EngineError:
    where = f"the script {source}" if isinstance(source, str | Path) else "the script"
    message = f"{where} cannot be used: {reason}"
    return EngineError(message, stage=stage, code="invalid_script")
