"""One session: everything the protocol promises, decided without a clock, a sample or a socket.

Five verbs are the whole interface. Client events, signals from the runtime and the time go in;
effects come out, in order::

    session.receive(event, now)     # from the client
    session.feed(signal, now)       # from the runtime
    session.tick(now)               # deadline() was reached
    session.deadline()              # when to tick, if nothing happens before
    session.drain()                 # what to do now

``now`` is any monotonic clock in seconds. A client event that is refused changes nothing: every
method below first checks, then acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.context import chat_messages
from antiphon.core.conversation import Conversation, Entry
from antiphon.core.created_items import Admitted, admit
from antiphon.core.effects import (
    CloseConnection,
    DropAudio,
    Effect,
    WarmPrompt,
)
from antiphon.core.entropy import Entropy
from antiphon.core.input_audio import InputAudioBuffer
from antiphon.core.outgoing import Outgoing
from antiphon.core.responses import Responses
from antiphon.core.settings import resolve, updated
from antiphon.core.signals import (
    AudioAppended,
    FrameRefused,
    Signal,
    SpeechProbability,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.core.transcripts import Transcripts
from antiphon.core.turns import SpeechStarted, SpeechStopped
from antiphon.errors import RequestError
from antiphon.wire import client_events as received
from antiphon.wire import server_events as sent
from antiphon.wire.error import ErrorObject
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    Item,
    ItemReference,
    Message,
)
from antiphon.wire.response import ResponseCreateParams
from antiphon.wire.session import RealtimeSession, TranscriptionSessionUpdate

__all__ = ["SESSION_LIFETIME_S", "Session", "SessionStart"]

SESSION_LIFETIME_S = 3600.0
"""The hosted service ends a session after 60 minutes."""

_TRUNCATE_TOLERANCE_MS = 100
"""Clients count what they played by their own clock; so much too much is taken as all of it."""


class SessionStart(Struct, frozen=True, kw_only=True):
    """What a session begins with.

    Attributes:
        settings: All settings, with the session's id and its expiry filled in. Its instructions
            are what a client's ``instructions: ""`` resets to.
        conversation_id: Id of the default conversation.
        voices: Names of voices that may be asked for.
        lifetime_s: Seconds until the session expires.
    """

    settings: RealtimeSession
    conversation_id: str
    voices: tuple[str, ...]
    lifetime_s: float = SESSION_LIFETIME_S


class Session:
    """The protocol of one session. Sends ``session.created`` as it comes into being."""

    def __init__(self, start: SessionStart, entropy: Entropy, now: float) -> None:
        self._settings = start.settings
        self._default_instructions = start.settings.instructions
        self._voices = start.voices
        self._expires_at: float | None = now + start.lifetime_s
        self._outgoing = Outgoing(entropy)
        self._conversation = Conversation(start.conversation_id)
        self._responses = Responses(self._outgoing, self._conversation, self._after_response)
        self._input = InputAudioBuffer(start.settings.audio.input.turn_detection)
        self._announced_id: str | None = None  # the item that the turn under way will become
        self._transcripts = Transcripts(self._outgoing, self._conversation)
        self._deferred: list[received.ConversationItemCreate] = []
        self._send_created()

    # --- the five verbs -------------------------------------------------------------------------

    def receive(self, event: received.ClientEvent, now: float) -> None:
        """Take an event from the client. Appended audio comes by way of the ring instead.

        A refusal becomes an ``error`` event that names the client's event.
        """
        self.tick(now)
        if self._expires_at is None:
            return
        try:
            self._dispatch(event)
        except RequestError as error:
            self._refuse(error, event)

    def feed(self, signal: Signal, now: float) -> None:
        """Take news from the runtime."""
        self.tick(now)
        if self._expires_at is None:
            return
        match signal:
            case SpeechProbability():
                self._judge(signal)
            case AudioAppended(end=end):
                self._input.append(end)
            case FrameRefused(error=error):
                self._send_error(ErrorObject.of(error))
            case TranscriptExtended():
                self._transcripts.extend(signal)
            case TranscriptFinished():
                self._transcripts.finish(signal)
                self._responses.start_ready()
            case TranscriptFailed(item_id=item_id, failure=failure):
                self._transcripts.fail(item_id, failure)
                self._responses.start_ready()
            case _:
                self._responses.take(signal)

    def tick(self, now: float) -> None:
        """Do what is due. Ticking too early does nothing."""
        if self._expires_at is not None and now >= self._expires_at:
            self._expire()

    def deadline(self) -> float | None:
        """Return when :meth:`tick` is due; ``None`` if nothing is."""
        return self._expires_at

    def drain(self) -> list[Effect]:
        """Return what is to be done, in order, and forget it."""
        return self._outgoing.drain()

    # --- what the runtime may ask ---------------------------------------------------------------

    @property
    def settings(self) -> RealtimeSession:
        """The session's settings as they stand."""
        return self._settings

    @property
    def buffered_from(self) -> int:
        """Where the input audio begins that may still be committed."""
        return self._input.start

    @property
    def dropped_signals(self) -> int:
        """How many signals came for responses that had ended."""
        return self._responses.dropped_signals

    # --- client events --------------------------------------------------------------------------

    def _dispatch(self, event: received.ClientEvent) -> None:
        match event:
            case received.SessionUpdate():
                self._update(event)
            case received.ConversationItemCreate():
                self._create_item(event)
            case received.ConversationItemRetrieve(item_id=item_id):
                self._retrieve_item(item_id)
            case received.ConversationItemDelete(item_id=item_id):
                self._delete_item(item_id)
            case received.ConversationItemTruncate():
                self._truncate_item(event)
            case received.InputAudioBufferCommit():
                self._commit(self._input.commit())
            case received.InputAudioBufferClear():
                self._clear_input()
            case received.ResponseCreate(response=params):
                self._create_response(params or ResponseCreateParams())
            case received.ResponseCancel(response_id=response_id):
                self._responses.cancel(response_id or None)
            case received.OutputAudioBufferClear():
                message = (
                    "'output_audio_buffer.clear' is for calls over WebRTC and SIP, where the "
                    "server plays the audio. On a WebSocket, stop your own playback and send "
                    "'conversation.item.truncate'."
                )
                raise RequestError(message, code="invalid_value", param="type")
            case received.InputAudioBufferAppend():
                message = "appended audio reaches the session as a signal"
                raise TypeError(message)

    def _update(self, event: received.SessionUpdate) -> None:
        if isinstance(event.session, TranscriptionSessionUpdate):
            message = (
                "Passing a transcription session update event to a realtime session is not allowed."
            )
            raise RequestError(message, code="invalid_parameter", param="session.type")
        before = self._settings
        self._settings = updated(
            before,
            event.session,
            default_instructions=self._default_instructions,
            voices=self._voices,
            voice_is_fixed=self._responses.has_spoken,
        )
        self._input.configure(self._settings.audio.input.turn_detection)
        self._outgoing.send(
            sent.SessionUpdated(event_id=self._outgoing.event_id(), session=self._settings)
        )
        if (before.instructions, before.tools) != (
            self._settings.instructions,
            self._settings.tools,
        ):
            self._warm()

    def _create_item(self, event: received.ConversationItemCreate) -> None:
        if self._answers_running_call(event.item):
            # The hosted service takes it in once the response that made the call has ended.
            self._deferred.append(event)
            return
        index = self._conversation.place_after(event.previous_item_id or None)
        if event.item.id and self._is_taken(event.item.id):
            message = f"Error adding item: an item with id '{event.item.id}' exists already."
            raise RequestError(message, code="invalid_value", param="item.id")
        entry, audio = self._admit(event.item, "item", self._conversation)
        self._announce(entry, self._conversation.insert(index, entry))
        if audio is not None:
            self._transcripts.begin(entry, audio, self._settings.audio.input.transcription)

    def _retrieve_item(self, item_id: str) -> None:
        item = self._conversation.require(item_id, verb="retrieve").item
        if isinstance(item, Message | FunctionCall | FunctionCallOutput):
            item = replace(item, object="realtime.item")
        self._outgoing.send(
            sent.ConversationItemRetrieved(event_id=self._outgoing.event_id(), item=item)
        )

    def _delete_item(self, item_id: str) -> None:
        self._conversation.remove(self._conversation.require(item_id, verb="delete"))
        self._outgoing.send(
            sent.ConversationItemDeleted(event_id=self._outgoing.event_id(), item_id=item_id)
        )

    def _truncate_item(self, event: received.ConversationItemTruncate) -> None:
        entry = self._conversation.require(event.item_id, verb="truncate")
        if entry.speech is None or not entry.speech.duration_ms or event.content_index:
            message = "Only model output audio messages can be truncated"
            raise RequestError(message, code="unsupported_content_type")
        duration_ms = round(entry.speech.duration_ms)
        if event.audio_end_ms > duration_ms + _TRUNCATE_TOLERANCE_MS:
            message = (
                f"Audio content of {duration_ms}ms is already shorter than {event.audio_end_ms}ms"
            )
            raise RequestError(message, code="invalid_value", param="audio_end_ms")
        kept_ms = entry.truncate(min(event.audio_end_ms, duration_ms))
        self._outgoing.send(
            sent.ConversationItemTruncated(
                event_id=self._outgoing.event_id(),
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=round(kept_ms),
            )
        )

    def _clear_input(self) -> None:
        self._input.clear()
        self._announced_id = None
        self._outgoing.do(DropAudio(self._input.start))
        self._outgoing.send(sent.InputAudioBufferCleared(event_id=self._outgoing.event_id()))

    def _create_response(self, params: ResponseCreateParams) -> None:
        in_conversation = params.conversation != "none"
        if in_conversation:
            self._responses.refuse_second()
        resolved = resolve(self._settings, params, self._voices)
        context = self._context(params)
        self._responses.create(resolved, context, in_conversation=in_conversation)

    def _context(self, params: ResponseCreateParams) -> tuple[Entry, ...]:
        if params.input is None or params.input is UNSET:
            return tuple(self._conversation)
        admitted: list[Admitted] = []
        for index, item in enumerate(params.input):
            param = f"response.input[{index}]"
            before = chain(self._conversation, (entry for entry, _ in admitted))
            admitted.append(self._admit_input(item, param, before))
        # Only once all are admitted: a refusal leaves nothing behind.
        for entry, audio in admitted:
            if audio is not None:
                self._transcripts.begin(entry, audio, self._settings.audio.input.transcription)
        return tuple(entry for entry, _ in admitted)

    def _admit_input(
        self, item: Item | ItemReference, param: str, before: Iterable[Entry]
    ) -> Admitted:
        if not isinstance(item, ItemReference):
            # Of one id there may be an item in the input of every response: they get their own.
            return self._admit(replace(item, id=UNSET), param, before)
        entry = self._conversation.find(item.id)
        if entry is None:
            message = f"Item with id '{item.id}' not found in conversation."
            raise RequestError(message, code="invalid_value", param=f"{param}.id")
        return Admitted(entry, None)

    # --- input audio ----------------------------------------------------------------------------

    def _judge(self, frame: SpeechProbability) -> None:
        change = self._input.judge(frame.start, frame.end, frame.probability)
        turn_detection = self._settings.audio.input.turn_detection
        if isinstance(change, SpeechStarted):
            self._announced_id = self._outgoing.item_id()
            self._outgoing.send(
                sent.InputAudioBufferSpeechStarted(
                    event_id=self._outgoing.event_id(),
                    audio_start_ms=change.start // SAMPLES_PER_MS,
                    item_id=self._announced_id,
                )
            )
            if turn_detection is not None and turn_detection.interrupt_response:
                self._responses.interrupt()
        elif isinstance(change, SpeechStopped):
            assert self._announced_id is not None
            self._outgoing.send(
                sent.InputAudioBufferSpeechStopped(
                    event_id=self._outgoing.event_id(),
                    audio_end_ms=change.end // SAMPLES_PER_MS,
                    item_id=self._announced_id,
                )
            )
            self._commit(self._input.commit_turn(change.end))
            if turn_detection is not None and turn_detection.create_response:
                self._answer_turn()
        elif (before := self._input.forgettable()) is not None:
            self._outgoing.do(DropAudio(before))

    def _answer_turn(self) -> None:
        try:
            self._create_response(ResponseCreateParams())
        except RequestError as error:
            self._send_error(ErrorObject.of(error))

    def _commit(self, span: Span) -> None:
        item_id = self._announced_id or self._outgoing.item_id()
        self._announced_id = None
        self._outgoing.send(
            sent.InputAudioBufferCommitted(
                event_id=self._outgoing.event_id(),
                previous_item_id=self._conversation.last_id,
                item_id=item_id,
            )
        )
        item = Message(id=item_id, status="completed", role="user", content=(InputAudio(),))
        entry = Entry(item, audio_ms=span.duration_ms)
        self._announce(entry, self._conversation.append(entry))
        self._transcripts.begin(entry, span, self._settings.audio.input.transcription)
        self._outgoing.do(DropAudio(span.end))

    # --- small common things --------------------------------------------------------------------

    def _is_taken(self, item_id: str) -> bool:
        """Whether an item of that id is there, has been announced, or is still listened to."""
        return (
            self._conversation.find(item_id) is not None
            or item_id == self._announced_id
            or self._transcripts.awaits(item_id)
        )

    def _admit(self, item: Item, param: str, before: Iterable[Entry]) -> Admitted:
        return admit(
            item,
            self._outgoing,
            before=before,
            audio_format=self._settings.audio.input.format,
            param=param,
        )

    def _announce(self, entry: Entry, previous_id: str | None) -> None:
        self._outgoing.send(
            sent.ConversationItemAdded(
                event_id=self._outgoing.event_id(), previous_item_id=previous_id, item=entry.item
            )
        )
        self._outgoing.send(
            sent.ConversationItemDone(
                event_id=self._outgoing.event_id(), previous_item_id=previous_id, item=entry.item
            )
        )

    def _answers_running_call(self, item: Item) -> bool:
        return isinstance(item, FunctionCallOutput) and any(
            response.made_call(item.call_id) for response in self._responses
        )

    def _after_response(self) -> None:
        deferred, self._deferred = self._deferred, []
        for event in deferred:
            self._take_deferred(event)

    def _take_deferred(self, event: received.ConversationItemCreate) -> None:
        try:
            self._create_item(event)
        except RequestError as error:
            self._refuse(error, event)

    def _warm(self) -> None:
        tools = resolve(self._settings, ResponseCreateParams(), self._voices).plan.tools
        messages = chat_messages(self._conversation)
        self._outgoing.do(WarmPrompt(self._settings.instructions, messages, tools))

    def _send_created(self) -> None:
        event_id = self._outgoing.event_id()
        self._outgoing.send(sent.SessionCreated(event_id=event_id, session=self._settings))

    def _refuse(self, error: RequestError, event: received.ClientEvent) -> None:
        refusal = replace(ErrorObject.of(error), event_id=event.event_id or None)
        self._send_error(refusal)

    def _send_error(self, error: ErrorObject) -> None:
        self._outgoing.send(sent.ErrorEvent(event_id=self._outgoing.event_id(), error=error))

    def _expire(self) -> None:
        message = "Your session hit the maximum duration of 60 minutes."
        error = RequestError(message, code="session_expired")
        for response in self._responses:
            self._responses.cancel(response.id)
        self._send_error(ErrorObject.of(error))
        self._outgoing.do(CloseConnection(1001, message))
        self._expires_at = None
