"""The owner of one session: performs what the core decides, and tells it what came of that.

The core is called from here only, on the event loop, one call at a time. Whatever takes time runs
as a task of the host's task group, and ends with it. A cancelled response has its own cancel
scope, so that an interruption goes straight to the work and does not queue behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import anyio
from anyio.abc import TaskGroup
from msgspec.structs import replace

from antiphon.core.effects import (
    AnswerEffect,
    CallMcpTool,
    CloseConnection,
    DropAudio,
    Effect,
    EndInput,
    ForgetItem,
    ForgetMcpServer,
    KeepResponse,
    ListMcpTools,
    SendAudio,
    SendEvent,
    SendRetrieved,
    StartResponse,
    StopResponse,
    Transcribe,
    WarmPrompt,
)
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.signals import FrameRefused, Signal
from antiphon.core.verbs import Verbs
from antiphon.engines.base import GenerationRequest
from antiphon.errors import EngineError, RequestError
from antiphon.observe import Moment, TimelineLog
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.listen import Ear
from antiphon.runtime.mcp import McpConnections
from antiphon.runtime.outbox import Outbox, OutboxOverflow
from antiphon.runtime.recordings import Recordings
from antiphon.runtime.respond import Answer
from antiphon.runtime.timing import TurnTiming
from antiphon.runtime.transcribe import transcribe
from antiphon.wire import server_events as sent
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.translation import SessionInputAudioBufferAppend, TranslationServerEvent

__all__ = ["CloseReason", "Host"]

_log = logging.getLogger(__name__)

CloseReason = tuple[int, str]
"""WebSocket close code and text."""

CLOSE_TIMEOUT_S = 5.0
"""How long a client may take to read the last of what it is sent, the reason included."""

FLUSH_TIMEOUT_S = 30.0
"""The same for a session that ends as the client asked, all output included: what may wait in the
outbox sounds for 16 s, and a client may read no faster than it plays."""

_AS_ASKED = 1000  # close code


class _Running(NamedTuple):
    """A response that is being worked out, and the scope that stops it."""

    plan: Plan
    scope: anyio.CancelScope


class Host:
    """Runs one session.

    Args:
        session: The core, just made.
        engines: Who hears, thinks and speaks.
        detection: The process's voice detection.
        timelines: Keeps where the time of each response went.
        tasks: Runs the session's work; must end when the connection does.
        decode: Reads the client's frames; gives the events that the session receives.

    Attributes:
        outbox: What the transport is to send.
        closing: Set once the connection is to be closed after what is in the outbox.
    """

    def __init__(
        self,
        session: Verbs[Any],
        *,
        engines: EngineSet,
        detection: Detection,
        timelines: TimelineLog,
        tasks: TaskGroup,
        decode: Callable[[str | bytes], Any] = decode_client_event,
    ) -> None:
        self.outbox = Outbox()
        self.closing: CloseReason | None = None
        self._session = session
        self._decode = decode
        self._engines = engines
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running: dict[str, _Running] = {}
        self._recordings = Recordings()
        self._mcp = McpConnections(session.settings.id, feed=self._feed, tasks=tasks)
        self._warming: anyio.CancelScope | None = None
        self._timing = TurnTiming(timelines)
        self._ear = Ear(
            session.heard.format, detection, feed=self._feed, fail=self._detection_failed
        )
        self._configure_ear()
        self._perform()

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it."""
        return self._session.settings.id

    def receive(self, frame: str | bytes) -> None:
        """Take one frame from the client."""
        if self.closing is not None:
            return
        try:
            event = self._decode(frame)
            if isinstance(event, InputAudioBufferAppend | SessionInputAudioBufferAppend):
                self._append(event)
                return
        except RequestError as error:
            self._feed(FrameRefused(error))
            return
        self._session.receive(event, self._loop.time())
        self._configure_ear()
        self._perform()

    def refuse(self, error: RequestError) -> None:
        """Tell the client that a frame cannot be taken at all."""
        self._feed(FrameRefused(error))

    def close(self) -> None:
        """Leave detection and take no more to send; the task group's owner ends the tasks."""
        self._ear.close()
        self.outbox.close()
        if self._timer is not None:
            self._timer.cancel()

    # --- towards the core -------------------------------------------------------------------------

    def _append(self, event: InputAudioBufferAppend | SessionInputAudioBufferAppend) -> None:
        try:
            self._ear.append(event.audio)
        except RequestError as error:
            error.event_id = event.event_id or None
            raise

    def _feed(self, signal: Signal) -> None:
        self._timing.hear(signal, self._loop.time())
        self._session.feed(signal, self._loop.time())
        self._perform()

    # --- what the core wants done -----------------------------------------------------------------

    def _perform(self) -> None:
        try:
            for effect in self._session.drain():
                if self.closing is None:
                    self._do(effect)
        except OutboxOverflow as overflow:
            _log.warning("%s: closing, since %s", self.session_id, overflow)
            self.outbox.discard()  # it would only keep the reason from getting through
            self._close(1013, "The client does not read what it is sent.")
        deadline = self._session.deadline()
        if deadline != self._deadline:
            self._deadline = deadline
            self._set_timer()

    def _do(self, effect: Effect) -> None:
        match effect:
            case SendEvent(event=event):
                self._send(event)
            case SendAudio():
                self._send_audio(effect)
            case Transcribe():
                audio = (
                    self._ear.decode(effect.source)
                    if isinstance(effect.source, bytes)
                    else self._ear.read(effect.source)
                )
                self._recordings.hear(effect.item_id, audio)
                self._tasks.start_soon(
                    transcribe, effect, audio, self._engines.transcriber, self._feed
                )
            case SendRetrieved(event=event, heard_ms=heard_ms):
                heard_as = self._session.heard.format
                item = self._recordings.complete(event.item, heard_as, heard_ms)
                self._send(replace(event, item=item))
            case ForgetItem(item_id=item_id):
                self._recordings.forget(item_id)
            case DropAudio(before=before):
                self._ear.drop(before)
            case EndInput():
                self._ear.end()
            case CloseConnection(code=code, reason=reason):
                self._close(code, reason)
            case _:
                self._do_for_answers(effect)

    def _do_for_answers(self, effect: AnswerEffect) -> None:
        match effect:
            case StartResponse(plan=plan):
                self._start(plan)
            case StopResponse(response_id=response_id):
                self._running[response_id].scope.cancel()
            case WarmPrompt():
                self._warm(effect)
            case KeepResponse(response=response):
                self._timing.end(response.id, self._loop.time())
            case ListMcpTools():
                self._mcp.list_tools(effect)
            case CallMcpTool():
                self._mcp.call(effect)
            case ForgetMcpServer(server=server):
                self._mcp.forget(server)

    def _send(self, event: sent.ServerEvent | TranslationServerEvent) -> None:
        match event:
            case sent.InputAudioBufferCommitted():
                self._timing.end_turn(self._loop.time())
            case sent.ResponseCreated(response=response):
                self._timing.create(response.id, self._loop.time())
        self.outbox.put(encode(event))

    def _send_audio(self, audio: SendAudio) -> None:
        spoken_in = self._running[audio.response_id].plan.output_format
        self._recordings.speak(audio.item_id, audio.pcm, spoken_in)
        event = sent.ResponseOutputAudioDelta(
            event_id=audio.event_id,
            response_id=audio.response_id,
            item_id=audio.item_id,
            output_index=audio.output_index,
            content_index=audio.content_index,
            delta=audio.pcm,
        )
        self.outbox.put(encode(event))

    def _start(self, plan: Plan) -> None:
        running = self._running[plan.response_id] = _Running(plan, anyio.CancelScope())
        self._timing.mark(plan.response_id, Moment.STARTED, self._loop.time())
        self._tasks.start_soon(self._respond, running)

    def _warm(self, effect: WarmPrompt) -> None:
        if self._warming is not None:
            self._warming.cancel()
        self._warming = anyio.CancelScope()
        self._tasks.start_soon(self._read_ahead, effect, self._warming)

    def _close(self, code: int, reason: str) -> None:
        if self.closing is not None:
            return
        self.closing = (code, reason)
        self.close()
        for running in self._running.values():
            running.scope.cancel()
        # A client that has stopped reading would never take the reason, and its session never end.
        timeout_s = FLUSH_TIMEOUT_S if code == _AS_ASKED else CLOSE_TIMEOUT_S
        self._tasks.cancel_scope.deadline = self._loop.time() + timeout_s

    def _configure_ear(self) -> None:
        heard = self._session.heard
        self._ear.configure(heard.format, detecting=heard.turn_detection is not None)

    # --- work that takes time ---------------------------------------------------------------------

    def _set_timer(self) -> None:
        """Have the core told when its deadline is reached. A task that waits would take 8 KiB."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._deadline is not None and not self.outbox.closed:
            # By a task, so that a mistake ends the session as any other does.
            self._timer = self._loop.call_at(self._deadline, self._tasks.start_soon, self._tick)

    async def _tick(self) -> None:
        self._deadline = None  # timers may come a little early; then this one is set once more
        self._session.tick(self._loop.time())
        self._perform()

    async def _respond(self, running: _Running) -> None:
        plan, scope = running

        def mark(moment: Moment) -> None:
            self._timing.mark(plan.response_id, moment, self._loop.time())

        answer = Answer(
            plan=plan,
            conversation=self.session_id,
            engines=self._engines,
            feed=self._feed,
            room=self.outbox.room,
            mark=mark,
        )
        try:
            with scope:
                await answer.work_out()
        finally:
            del self._running[plan.response_id]

    async def _read_ahead(self, effect: WarmPrompt, scope: anyio.CancelScope) -> None:
        instructions = ChatMessage("system", effect.instructions)
        request = GenerationRequest(
            messages=(instructions, *effect.messages),
            tools=effect.tools,
            conversation=self.session_id,
        )
        with scope:
            try:
                await self._engines.language_model.warm(request)
            except EngineError as error:
                # A favour that failed; the response itself will tell if there is a problem.
                _log.info("%s: warming failed: %s", self.session_id, error)

    def _detection_failed(self, error: Exception) -> None:
        _log.error("%s: voice detection failed", self.session_id, exc_info=error)
        self._close(1011, "Voice detection failed.")
