"""The parent's side of an isolated engine: starts the child, and is an engine like any other."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import multiprocessing
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count
from queue import SimpleQueue
from typing import Any

import anyio
import anyio.to_thread

from antiphon.core.tokens import TokenCounter
from antiphon.engines.base import Engine, EngineFactory, EngineInfo, EngineSettings, Floats, Role
from antiphon.engines.hearing import TranscriptEvent, TranscriptionRequest
from antiphon.engines.isolated.child import run
from antiphon.engines.isolated.messages import STAGES, Mark, Request
from antiphon.engines.repair import ENGINE_CRASHED
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import GenerationEvent, GenerationRequest
from antiphon.errors import AntiphonError, ConfigurationError, EngineError, Stage

__all__ = ["isolated"]

_log = logging.getLogger(__name__)

_EXIT_TIMEOUT_S = 5.0


def isolated(factory: EngineFactory, settings: EngineSettings, role: Role) -> Engine:
    """Load an engine in a process of its own. Blocks, as factories do.

    Args:
        factory: A module's function, so that the child can import it.
        settings: What it gets.
        role: What the engine is to do.

    Raises:
        AntiphonError: As the factory does.
        ConfigurationError: Engines of this role cannot be isolated, or the process ended.
    """
    if role not in STAGES:
        message = (
            f"{settings.name} cannot be isolated: a {role} answers at once, for all sessions "
            f"together. Leave 'isolated' out; it is for: {', '.join(STAGES)}."
        )
        raise ConfigurationError(message)
    child = _Child(factory, settings, STAGES[role])
    match role:
        case "transcriber":
            return _IsolatedTranscriber(child)
        case "language_model" if child.reads_ahead:
            return _IsolatedReader(child)
        case "language_model":
            return _IsolatedLanguageModel(child)
        case _:
            return _IsolatedSynthesizer(child)


class _Child:
    """The process, and the requests that are under way in it.

    Attributes:
        info: What its engine is and can do.
        reads_ahead: Whether it can say if a message is over.
    """

    info: EngineInfo
    reads_ahead: bool

    def __init__(self, factory: EngineFactory, settings: EngineSettings, stage: Stage) -> None:
        context = multiprocessing.get_context("spawn")  # threads and locks do not survive a fork
        self._pipe, theirs = context.Pipe()
        self._stage = stage
        self._process = context.Process(
            target=run, args=(theirs, factory, settings), name=f"antiphon-{settings.name}"
        )
        self._to_send: SimpleQueue[tuple[int, Request | Mark] | None] = SimpleQueue()
        self._process.start()
        # The program would wait for it at its end. As a daemon it could not start processes itself.
        atexit.register(self._end)
        theirs.close()
        try:
            loaded = self._pipe.recv()
        except EOFError:
            self._end()
            message = (
                f"The process of {settings.name} ended with status {self._process.exitcode} while "
                "it loaded."
            )
            raise ConfigurationError(message) from None
        if isinstance(loaded, AntiphonError):
            self._end()
            raise loaded
        self.info, self.reads_ahead = loaded
        self._numbers = count()
        self._waiting: dict[int, _Inbox] = {}
        self._gone = threading.Event()
        for work in (self._read, self._write):
            threading.Thread(target=work, name=f"antiphon-{settings.name}", daemon=True).start()

    async def stream(self, method: str, *arguments: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401
        """Have the engine do something, and yield what comes of it.

        Raises:
            EngineError: The engine did, or its process is gone.
        """
        number = next(self._numbers)
        inbox = self._waiting[number] = _Inbox()
        ended = False
        try:
            if self._gone.is_set():
                raise self._crash()
            self._say(number, Request(method, arguments))
            while True:
                event = await inbox.take()
                ended = event is Mark.END or isinstance(event, EngineError)
                if isinstance(event, EngineError):
                    raise event
                if ended:
                    return
                self._say(number, Mark.TAKEN)
                yield event
        finally:
            del self._waiting[number]
            if not ended:
                self._say(number, Mark.STOP)

    async def call(self, method: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Have the engine do something, and return what comes of it.

        Raises:
            EngineError: As :meth:`stream` does.
        """
        async with aclosing(self.stream(method, *arguments)) as results:
            return await anext(results, None)

    async def aclose(self) -> None:
        """End the process. May be called twice."""
        await anyio.to_thread.run_sync(self._end, abandon_on_cancel=True)

    def _end(self) -> None:
        self._to_send.put(None)
        self._process.join(_EXIT_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        atexit.unregister(self._end)

    def _say(self, number: int, what: Request | Mark) -> None:
        self._to_send.put((number, what))

    def _write(self) -> None:
        """Send what is to be said (on a thread: a child that hangs does not read)."""
        for number, what in iter(self._to_send.get, None):
            try:
                self._pipe.send((number, what))
            except OSError:
                pass  # the child has gone; the thread that reads tells
            except Exception as error:
                message = f"{self.info.name} cannot be sent the request: {error}"
                self._tell(number, EngineError(message, stage=self._stage))
        with contextlib.suppress(OSError):
            self._pipe.send(None)

    def _read(self) -> None:
        """Pass on what the child says until it is gone (on a thread)."""
        try:
            while True:
                self._tell(*self._pipe.recv())
        except (EOFError, OSError):
            pass  # it has gone
        except Exception:
            _log.exception("%s: what its process says cannot be read; it is ended", self.info.name)
            self._process.kill()
        finally:
            self._gone.set()
            for inbox in tuple(self._waiting.values()):
                inbox.put(self._crash())

    def _tell(self, number: int, event: Any) -> None:  # noqa: ANN401
        if inbox := self._waiting.get(number):
            inbox.put(event)

    def _crash(self) -> EngineError:
        message = f"the process of {self.info.name} has ended"
        return EngineError(message, stage=self._stage, code=ENGINE_CRASHED, retryable=True)


class _Inbox:
    """What has come of one request and is not taken yet. Put from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, event: Any) -> None:  # noqa: ANN401
        """Add an event."""
        with contextlib.suppress(RuntimeError):  # the loop has closed, and the reader with it
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def take(self) -> Any:  # noqa: ANN401
        """Wait for the next event."""
        return await self._events.get()


class _Isolated:
    """What isolated engines of all roles have in common."""

    def __init__(self, child: _Child) -> None:
        self._child = child

    @property
    def info(self) -> EngineInfo:
        return self._child.info

    async def aclose(self) -> None:
        await self._child.aclose()


class _IsolatedTranscriber(_Isolated):
    def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        return self._child.stream("transcribe", audio, request)


class _IsolatedLanguageModel(_Isolated):
    @property
    def counter(self) -> TokenCounter | None:
        return None  # it counts at once and on the event loop, and the model is elsewhere

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        return self._child.stream("generate", request)

    async def warm(self, request: GenerationRequest) -> None:
        await self._child.call("warm", request)


class _IsolatedReader(_IsolatedLanguageModel):
    async def predict_message_end(self, request: GenerationRequest) -> float:
        return float(await self._child.call("predict_message_end", request))


class _IsolatedSynthesizer(_Isolated):
    def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        return self._child.stream("synthesize", request)
