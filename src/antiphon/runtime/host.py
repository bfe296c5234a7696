"""The owner of one session: performs what the core decides, and tells it what came of that.

The core is called from here only, on the event loop, one call at a time. Whatever takes time runs
as a task of the host's task group, and ends with it. A cancelled response has its own cancel
scope, so that an interruption goes straight to the work and does not queue behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
from anyio.abc import TaskGroup
from msgspec.structs import replace

from antiphon.core.effects import (
    AnswerEffect,
    CallMcpTool,
    ClearPlayback,
    CloseConnection,
    DropGuess,
    Effect,
    ForgetItem,
    ForgetMcpServer,
    GuessResponse,
    HearingEffect,
    KeepItem,
    KeepResponse,
    ListMcpTools,
    PredictMessageEnd,
    ReleaseGuess,
    SendAudio,
    SendEvent,
    SendRetrieved,
    StartResponse,
    StopResponse,
    WarmPrompt,
)
from antiphon.core.plan import ChatMessage
from antiphon.core.signals import ConnectionOver, FrameRefused, Signal
from antiphon.core.verbs import Verbs
from antiphon.engines.base import Floats
from antiphon.engines.thinking import GenerationRequest, MessageEndPredictor
from antiphon.errors import EngineError, RequestError
from antiphon.observe import TimelineLog
from antiphon.runtime.answers import Answers
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.hearing import Hearing
from antiphon.runtime.hosts import CLIENT_TOO_SLOW, CloseReason, flush_timeout_s
from antiphon.runtime.mcp.connections import McpConnections
from antiphon.runtime.observers import EndedResponse, Observers, OpenedSession
from antiphon.runtime.outbox import Outbox, OutboxOverflow
from antiphon.runtime.playback import Player, refuse_append
from antiphon.runtime.prediction import predict_message_end
from antiphon.runtime.reach import PUBLIC_INTERNET, Reach
from antiphon.runtime.recordings import Recordings
from antiphon.runtime.spare import Machines
from antiphon.runtime.timing import TurnTiming
from antiphon.wire import server_events as sent
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.translation import SessionInputAudioBufferAppend, TranslationServerEvent

__all__ = ["Host"]

_log = logging.getLogger(__name__)


class Host:
    """Runs one session; a :class:`~antiphon.runtime.hosts.SessionHost`.

    Args:
        session: The core, just made.
        engines: Who hears, thinks and speaks.
        detection: The process's voice detection.
        machines: Count the process's work, so that guesses give way.
        timelines: Keeps where the time of each response went.
        opened: What is known of the session.
        observers: Are told of what happens in it.
        tasks: Runs the session's work; must end when the connection does.
        reach: Which addresses may be connected to at the client's word.
        decode: Reads the client's frames; gives the events that the session receives.
        play: Sends a frame of what is to be heard at once, where the transport plays; ``None``
            where the client does.

    Attributes:
        outbox: What the transport is to send.
        closing: Set once the connection is to be closed after what is in the outbox.
        player: Plays the answers, where the transport does.
    """

    def __init__(
        self,
        session: Verbs[Any],
        *,
        engines: EngineSet,
        detection: Detection,
        machines: Machines,
        timelines: TimelineLog,
        opened: OpenedSession,
        observers: Observers,
        tasks: TaskGroup,
        reach: Reach = PUBLIC_INTERNET,
        decode: Callable[[str | bytes], Any] = decode_client_event,
        play: Callable[[bytes], object] | None = None,
    ) -> None:
        self.outbox = Outbox()
        self.closing: CloseReason | None = None
        self.player = Player(play, self._feed) if play is not None else None
        self._session = session
        self._decode = decode
        self._engines = engines
        self._machines = machines
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._effects: deque[Effect] = deque()  # to be performed
        self._recordings = Recordings()
        self._mcp = McpConnections(session.settings.id, feed=self._feed, tasks=tasks, reach=reach)
        self._warming: anyio.CancelScope | None = None
        self._timing = TurnTiming(timelines)
        self._watch = observers.open(opened, self)
        self._answers = Answers(
            conversation=session.settings.id,
            engines=engines,
            spare=machines.doing(engines.language_model.info, engines.synthesizer.info),
            tasks=tasks,
            feed=self._feed,
            room=self._room,
            timing=self._timing,
            recording=self._recordings.heard,
        )
        self._hearing = Hearing(
            session.heard,
            engines=engines,
            detection=detection,
            machines=machines,
            tasks=tasks,
            feed=self._feed,
            fail=self._detection_failed,
            record=self._record,
        )
        self._perform()

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it."""
        return self._session.settings.id

    @property
    def late_signals(self) -> int:
        """How many signals of engines came for what had ended already."""
        return self._session.dropped_signals

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
        self._hearing.configure(self._session.heard)
        self._perform()

    def listen(self, samples: Floats) -> None:
        """Hear what came as sound.

        Args:
            samples: Shape (n,), float32 at 16 kHz.
        """
        if self.closing is None:
            self._hearing.listen(samples)

    def refuse(self, error: RequestError) -> None:
        """Tell the client that a frame cannot be taken at all."""
        self._feed(FrameRefused(error))

    async def ready(self) -> None:
        """Wait until it can take another frame. It always can: audio goes to the ring at once."""

    def end(self, reason: CloseReason) -> None:
        """Close the connection after what is in the outbox: the operator wants it."""
        self._close(*reason)

    def close(self) -> None:
        """Leave detection, take no more to send, and let go of what was said.

        The task group's owner ends the tasks.
        """
        self._hearing.close()
        self.outbox.close()
        self._answers.stop_all()
        try:
            self._end_session()
        except Exception:  # it may be why the connection is over; what follows frees the rest
            _log.exception("%s: could not be ended in order", self.session_id)
        self._watch.close(self.closing)
        # The session itself is there until the next collection of garbage: its parts refer to each
        # other. What is large of it is not to be.
        self._recordings.forget_all()
        if self.player is not None:
            self.player.close()
        if self._timer is not None:
            self._timer.cancel()

    def _end_session(self) -> None:
        self._session.feed(ConnectionOver(), self._loop.time())
        self._effects.extend(self._session.drain())
        while self._effects:
            self._note(self._effects.popleft())

    # --- towards the core -------------------------------------------------------------------------

    def _append(self, event: InputAudioBufferAppend | SessionInputAudioBufferAppend) -> None:
        try:
            if self.player is not None:
                refuse_append(event)
            self._hearing.append(event.audio)
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
            self._effects.extend(self._session.drain())
            while self._effects:
                self._do(self._effects.popleft())
            self._hearing.deliver()
            self._answers.deliver()
        except OutboxOverflow as overflow:
            _log.warning("%s: closing, since %s", self.session_id, overflow)
            self.outbox.discard()  # it would only keep the reason from getting through
            self._close(*CLIENT_TOO_SLOW)
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
            case ClearPlayback(response_id=response_id):
                assert self.player is not None, "only what is played can be cleared"
                self.player.clear(response_id)
            case SendRetrieved(event=event, heard_ms=heard_ms):
                heard_as = self._session.heard.format
                item = self._recordings.complete(event.item, heard_as, heard_ms)
                self._send(replace(event, item=item))
            case ForgetItem(item_id=item_id):
                self._recordings.forget(item_id)
            case KeepItem(item=item):
                self._watch.change(item)
            case CloseConnection(code=code, reason=reason):
                self._close(code, reason)
            case _ if isinstance(effect, HearingEffect):
                self._hearing.do(effect)
            case _:
                self._do_for_answers(effect)

    def _note(self, effect: Effect) -> None:
        """Do what is still to be done of an effect when nothing reaches the client any more."""
        match effect:
            case SendEvent(event=event):
                self._watch.send(event)
            case KeepResponse():
                self._end_answer(effect)
            case KeepItem(item=item):
                self._watch.change(item)

    def _do_for_answers(self, effect: AnswerEffect) -> None:
        match effect:
            case StartResponse(plan=plan):
                self._answers.start(plan)
            case PredictMessageEnd():
                reader = self._engines.language_model
                assert isinstance(reader, MessageEndPredictor), "the core knows what it can do"
                spare = self._machines.doing(self._engines.language_model.info)
                self._tasks.start_soon(
                    predict_message_end, effect, self.session_id, reader, spare, self._feed
                )
            case GuessResponse(plan=plan):
                self._answers.guess(plan)
            case ReleaseGuess(response_id=response_id):
                self._answers.release(response_id)
            case DropGuess(response_id=response_id):
                self._answers.drop(response_id)
            case StopResponse(response_id=response_id):
                self._answers.stop(response_id)
            case WarmPrompt():
                self._warm(effect)
            case KeepResponse():
                self._end_answer(effect)
            case ListMcpTools():
                self._mcp.list_tools(effect)
            case CallMcpTool():
                self._mcp.call(effect)
            case ForgetMcpServer(server=server):
                self._mcp.forget(server)

    def _end_answer(self, kept: KeepResponse) -> None:
        response = kept.response
        self._answers.end(response.id)
        timeline = self._timing.end(response.id, self._loop.time())
        if self.player is not None:
            self.player.end(response.id)
        self._watch.end_response(EndedResponse(response, timeline, kept.own_input))

    def _send(self, event: sent.ServerEvent | TranslationServerEvent) -> None:
        match event:
            case sent.InputAudioBufferCommitted():
                self._timing.end_turn(self._loop.time())
            case sent.ResponseCreated(response=response):
                self._timing.create(response.id, self._loop.time())
            case sent.ResponseOutputAudioDone(item_id=item_id):
                self._recordings.finish(item_id)
        self.outbox.put(encode(event))
        self._watch.send(event)

    def _record(self, item_id: str, audio: Floats) -> None:
        self._recordings.hear(item_id, audio)
        self._watch.hear(item_id, audio)

    def _send_audio(self, audio: SendAudio) -> None:
        spoken_in = self._answers.format_of(audio.response_id)
        self._recordings.speak(audio.item_id, audio.pcm, spoken_in)
        self._watch.speak(audio.item_id, audio.pcm, spoken_in)
        if self.player is not None:
            self.player.put(audio.response_id, audio.item_id, audio.pcm)
            return
        event = sent.ResponseOutputAudioDelta(
            event_id=audio.event_id,
            response_id=audio.response_id,
            item_id=audio.item_id,
            output_index=audio.output_index,
            content_index=audio.content_index,
            delta=audio.pcm,
        )
        self.outbox.put(encode(event))

    async def _room(self, response_id: str) -> None:
        """Wait while the client is too far behind, or the playback of a response."""
        await self.outbox.room()
        if self.player is not None:
            await self.player.room(response_id)

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
        # A client that has stopped reading would never take the reason, and its session never end.
        self._tasks.cancel_scope.deadline = self._loop.time() + flush_timeout_s(code)

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
            except Exception:
                _log.exception("%s: warming failed", self.session_id)
        if self._warming is scope:
            self._warming = None

    def _detection_failed(self, error: Exception) -> None:
        _log.error("%s: voice detection failed", self.session_id, exc_info=error)
        self._close(1011, "Voice detection failed.")
