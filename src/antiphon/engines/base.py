"""What all engines have in common.

What each kind does is in ``hearing.py``, ``thinking.py`` and ``speaking.py``.

Rules that hold for all of them (and that ``engines/conformance`` checks):

* Long work is an async generator. Closing it (``aclose``) or cancelling the task that reads it
  stops the work, within one chunk.
* Nothing blocks the event loop: native work runs on threads (``engines/native/pool.py``).
* The only exception raised is :class:`antiphon.errors.EngineError`.
* One instance serves all sessions of a process: weights are shared, and whatever belongs to one
  session is passed in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from antiphon.audio.formats import Floats
from antiphon.errors import EngineError, Stage

__all__ = [
    "QUEUE_S",
    "Engine",
    "EngineFactory",
    "EngineInfo",
    "EngineSettings",
    "Floats",
    "Role",
    "closed_error",
]

Role = Literal[
    "denoiser",
    "voice_detector",
    "turn_predictor",
    "transcriber",
    "language_model",
    "synthesizer",
]


class EngineInfo(Struct, frozen=True, kw_only=True):
    """What an engine is and what it can do, stated so that nobody has to find out by failing.

    Attributes:
        name: Catalogue name, for example ``moonshine-tiny-en``.
        role: What it does.
        languages: ISO-639-1 codes it understands or speaks; empty if it does not matter.
        rate_hz: Sample rate of the audio it takes (transcriber, detector) or makes (synthesizer);
            0 for a language model that does not speak.
        voices: Names it can speak with, its default first.
        speeds: Slowest and fastest speaking rate a synthesizer does well, 1.0 is natural. It is
            asked for no other; the server stretches its audio for the rest.
        max_audio_s: Longest audio a transcriber takes at once; ``None`` without a limit.
        deltas: Whether a transcriber gives words before it has heard all of them.
        logprobs: Whether a transcriber can say how sure it is of each token.
        word_times: Whether a transcriber can say when each word was said.
        translates: Whether a transcriber can write in English what is said in other languages.
        diarization: Whether a transcriber tells speakers apart.
        context_tokens: How long a language model's prompt and answer may be together, without what
            the engine adds of its own; ``None`` if unknown.
        tools: Whether a language model can call functions.
        images: Whether a language model sees images.
        hears: Whether a language model hears what users say, and needs no transcriber for that.
        speaks: Whether a language model speaks its answers itself, with ``voices`` at ``rate_hz``.
        scripted: Whether it acts out a script, in which each request counts.
        remote: Whether it computes on another machine, so that its work takes nothing from this.
    """

    name: str
    role: Role
    languages: tuple[str, ...] = ()
    rate_hz: int = 0
    voices: tuple[str, ...] = ()
    speeds: tuple[float, float] = (0.25, 1.5)
    max_audio_s: float | None = None
    deltas: bool = False
    logprobs: bool = False
    word_times: bool = False
    translates: bool = False
    diarization: bool = False
    context_tokens: int | None = None
    tools: bool = False
    images: bool = False
    hears: bool = False
    speaks: bool = False
    scripted: bool = False
    remote: bool = False


QUEUE_S = 10.0
"""How long a request waits for an engine, unless the operator says otherwise. Voices are expected
to answer within a second or two, and people hang up long before this."""


class EngineSettings(Struct, frozen=True, kw_only=True):
    """What a factory gets to build an engine from.

    Attributes:
        name: Catalogue name under which the engine is built.
        files: The catalogue entry's files by their key, all present and verified.
        options: The catalogue entry's options, overridden by the operator's.
        threads: How many threads the engine may compute with.
        queue_s: How long a request may wait for its turn in the engine, before it fails with
            ``server_overloaded``.
    """

    name: str
    files: Mapping[str, Path] = {}
    options: Mapping[str, Any] = {}
    threads: int = 1
    queue_s: float = QUEUE_S


class Engine(Protocol):
    """What all engines have in common."""

    @property
    def info(self) -> EngineInfo:
        """What it is and can do."""
        ...

    async def aclose(self) -> None:
        """Release threads and memory. Work under way is cancelled. May be called twice."""
        ...


EngineFactory = Callable[[EngineSettings], Engine]
"""Entry points of the group ``antiphon.engines`` name these. A factory blocks while it loads
weights and is therefore called on a thread; it raises ``EngineError`` if it cannot load."""


def closed_error(name: str, stage: Stage) -> EngineError:
    """Return what an engine of this name raises for work that comes after it was closed."""
    return EngineError(f"{name} is closed", stage=stage, code="engine_closed")
