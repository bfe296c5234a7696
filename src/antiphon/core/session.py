"""A speech session: what the protocol promises, decided without a clock, a sample or a socket.

The parts do the work: :mod:`~antiphon.core.listening` hears, :mod:`~antiphon.core.editing` does
what clients want with items, :mod:`~antiphon.core.responses` answers. Here they are put together.
"""

from __future__ import annotations

from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.core.abilities import Abilities
from antiphon.core.context import chat_messages
from antiphon.core.conversation import Conversation, Entry
from antiphon.core.editing import Editing
from antiphon.core.effects import WarmPrompt
from antiphon.core.entropy import Entropy
from antiphon.core.foresight import Foresight, Prospect
from antiphon.core.listening import Listening, TurnChange
from antiphon.core.mcp.policy import without_secrets
from antiphon.core.mcp.side import McpSide
from antiphon.core.outgoing import Outgoing
from antiphon.core.output_items import SpokenMessage
from antiphon.core.plan import Speculation
from antiphon.core.playback import Playback
from antiphon.core.rate_limits import RateLimits
from antiphon.core.response import Response
from antiphon.core.responses import Responses
from antiphon.core.settings import Resolved, resolve, updated
from antiphon.core.signals import (
    AudioAppended,
    ConnectionOver,
    FrameRefused,
    McpCallFinished,
    McpListingFailed,
    McpToolsListed,
    MessageEndPredicted,
    PlaybackAdvanced,
    Signal,
    SpeakerTurnHeard,
    SpeechProbability,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
    TurnEndPredicted,
)
from antiphon.core.silence import Silence
from antiphon.core.verbs import SESSION_LIFETIME_S, Verbs
from antiphon.core.window import Reader, Window
from antiphon.errors import RequestError
from antiphon.wire import client_events as received
from antiphon.wire import server_events as sent
from antiphon.wire.audio_config import AudioInput, PcmFormat
from antiphon.wire.error import ErrorObject
from antiphon.wire.items import FunctionCallOutput, Item
from antiphon.wire.response import ResponseCreateParams
from antiphon.wire.session import RealtimeSession, TranscriptionSessionUpdate

__all__ = ["Session", "SessionStart"]


MAX_DEFERRED = 128
"""Function outputs that may wait for the end of the response that made the calls."""


class SessionStart(Struct, frozen=True, kw_only=True):
    """What a session begins with.

    Attributes:
        settings: All settings, with the session's id and its expiry filled in. Its instructions
            are what a client's ``instructions: ""`` resets to.
        conversation_id: Id of the default conversation.
        abilities: What clients may ask for.
        reader: How much the language model can read.
        speculation: What is worked out while a speaker pauses.
        lifetime_s: Seconds until the session expires.
        idle_s: Seconds until it ends while nothing happens in it; ``None`` for not before.
        announces_conversation: Whether ``conversation.created`` follows ``session.created``, as
            clients of the beta protocol expect.
        plays: Whether the transport plays the answers itself, and tells how far it is.
    """

    settings: RealtimeSession
    conversation_id: str
    abilities: Abilities
    reader: Reader = Reader()
    speculation: Speculation = "answers"
    lifetime_s: float = SESSION_LIFETIME_S
    idle_s: float | None = None
    announces_conversation: bool = False
    plays: bool = False


class Session(Verbs[received.ClientEvent]):
    """The protocol of one speech session. Sends ``session.created`` as it comes into being.

    Args:
        start: What it begins with.
        entropy: Where its ids come from.
        now: Any monotonic clock in seconds.
        limits: The account of the key that opened it; ``None`` if it may use any amount.
    """

    def __init__(
        self,
        start: SessionStart,
        entropy: Entropy,
        now: float,
        limits: RateLimits | None = None,
    ) -> None:
        super().__init__(Outgoing(entropy), now, lifetime_s=start.lifetime_s, idle_s=start.idle_s)
        self._settings = start.settings
        self._default_instructions = start.settings.instructions
        self._abilities = start.abilities
        self._conversation = Conversation(start.conversation_id)
        self._window = Window(start.reader)
        # What is guessed is told by words, and a model that hears is not asked by them.
        speculation = "off" if start.abilities.hears else start.speculation
        self._listening = Listening(
            self._outgoing,
            self._conversation,
            self.heard,
            start.settings.include,
            works_ahead=speculation != "off",
            reads_along=speculation == "answers",
            model_hears=start.abilities.hears,
        )
        self._editing = Editing(
            self._outgoing, self._conversation, self._listening, self._abilities
        )
        self._limits = limits
        self._mcp = McpSide(self._outgoing, self._conversation)
        self._playback = (
            Playback(self._outgoing, self._editing.cut_off, self._after_playback)
            if start.plays
            else None
        )
        self._responses = Responses(
            self._outgoing,
            self._conversation,
            limits,
            on_end=self._after_response,
            on_mcp_calls=self._mcp.begin,
            on_sound=self._playback.queue if self._playback else _leave_to_client,
        )
        self._foresight = Foresight(
            self._outgoing,
            self._conversation,
            self._listening,
            self._responses,
            self._prospect,
            speculation=speculation,
            reads_ends=start.abilities.message_ends,
        )
        self._deferred: list[received.ConversationItemCreate] = []
        self._now = now
        self._silence = Silence()
        self._outgoing.send(
            sent.SessionCreated(
                event_id=self._outgoing.event_id(), session=without_secrets(self._settings)
            )
        )
        if start.announces_conversation:
            created = sent.Conversation(id=start.conversation_id)
            self._outgoing.send(
                sent.ConversationCreated(event_id=self._outgoing.event_id(), conversation=created)
            )
        self._mcp.servers.configure(self._settings.tools)
        self._warm()

    # --- what the runtime may ask ---------------------------------------------------------------

    @property
    def settings(self) -> RealtimeSession:
        """The session's settings as they stand."""
        return self._settings

    @property
    def heard(self) -> AudioInput:
        """How the user's audio is heard."""
        return self._settings.audio.input

    @property
    def dropped_signals(self) -> int:
        """How many signals came that nobody waited for any more."""
        return self._responses.dropped_signals + self._mcp.dropped_signals

    def deadline(self) -> float | None:
        """Return when :meth:`tick` is due; ``None`` if nothing is."""
        ends_at, idle_at = super().deadline(), self._silence.due(self.heard.turn_detection)
        return ends_at if ends_at is None or idle_at is None else min(ends_at, idle_at)

    # --- signals --------------------------------------------------------------------------------

    def _take(self, signal: Signal, now: float) -> None:
        self._now = now
        match signal:
            case SpeechProbability():
                self._judge(signal)
            case AudioAppended(end=end):
                self._listening.append(end)
            case TranscriptExtended() | SpeakerTurnHeard():
                self._listening.transcripts.take(signal)
            case TranscriptFinished() | TranscriptFailed():
                self._listening.transcripts.take(signal)
                self._responses.start_ready()
                self._foresight.know_words(signal.item_id, self.heard.turn_detection)
            case TurnEndPredicted(pause_id=pause_id, probability=probability):
                self._listening.learn(pause_id, finished=probability)
            case MessageEndPredicted():
                self._foresight.know_end(signal, self.heard.turn_detection)
            case PlaybackAdvanced():
                assert self._playback is not None, "only a transport that plays tells of it"
                self._playback.advance(signal)
            case McpToolsListed() | McpListingFailed() | McpCallFinished():
                if self._mcp.take(signal):
                    self._warm()
            case FrameRefused() | ConnectionOver():
                message = "refused frames and the end are every session's concern"
                raise TypeError(message)
            case _:
                self._responses.take(signal)

    def _judge(self, frame: SpeechProbability) -> None:
        change = self._listening.judge(frame)
        turn_detection = self.heard.turn_detection
        if turn_detection is None:
            return
        if change is TurnChange.STARTED:
            self._silence.end()
            if turn_detection.interrupt_response:
                if self._playback is not None:
                    self._playback.interrupt()
                self._responses.interrupt()
        elif change is TurnChange.RESUMED:
            self._foresight.forget()
        elif change in (TurnChange.ENDED, TurnChange.DROPPED):
            if change is TurnChange.ENDED and turn_detection.create_response:
                self._respond_unasked(answers_silence=False)
            else:
                self._foresight.forget()  # if one is wanted now, the client asks for it
            self._listening.transcripts.tell_known()
            self._responses.start_ready()

    # --- client events --------------------------------------------------------------------------

    def _dispatch(self, event: received.ClientEvent, now: float) -> None:
        self._now = now
        match event:
            case received.SessionUpdate():
                self._update(event)
            case received.ConversationItemCreate():
                self._create_item(event)
            case received.ConversationItemRetrieve(item_id=item_id):
                self._editing.retrieve(item_id)
            case received.ConversationItemDelete(item_id=item_id):
                self._editing.delete(item_id)
                self._mcp.forget(item_id)
            case received.ConversationItemTruncate():
                self._editing.truncate(event)
            case received.InputAudioBufferCommit():
                self._listening.commit()
                self._foresight.forget()
            case received.InputAudioBufferClear():
                self._listening.clear()
                self._foresight.forget()
            case received.ResponseCreate(response=params):
                params = params or ResponseCreateParams()
                has_something_to_say = bool(params.instructions or params.prompt)
                self._create_response(params, answers_silence=has_something_to_say)
            case received.ResponseCancel(response_id=response_id):
                self._responses.cancel(response_id or None)
            case received.OutputAudioBufferClear():
                self._clear_playback()
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
            abilities=self._abilities,
            voice_is_fixed=self._responses.has_spoken,
        )
        self._listening.configure(self.heard, self._settings.include)
        if not self._listening.speaking:
            self._foresight.forget()
        self._outgoing.send(
            sent.SessionUpdated(
                event_id=self._outgoing.event_id(), session=without_secrets(self._settings)
            )
        )
        if event.session.tools is not UNSET:
            self._mcp.servers.configure(self._settings.tools)
        after = self._settings
        if (before.instructions, before.tools) != (after.instructions, after.tools):
            self._warm()

    def _create_item(self, event: received.ConversationItemCreate) -> None:
        if self._answers_running_call(event.item):
            if len(self._deferred) >= MAX_DEFERRED:
                message = (
                    f"{MAX_DEFERRED} function outputs wait for the response that made the calls. "
                    "Wait for 'response.done'."
                )
                raise RequestError(message, code="too_many_items", param="item")
            # The hosted service takes it in once the response that made the call has ended.
            self._deferred.append(event)
        else:
            self._mcp.check(event.item)
            self._editing.create(event, self.heard)
            self._mcp.follow(event.item)

    def _clear_playback(self) -> None:
        if self._playback is None:
            message = (
                "'output_audio_buffer.clear' is for calls over WebRTC and SIP, where the server "
                "plays the audio. On a WebSocket, stop your own playback and send "
                "'conversation.item.truncate'."
            )
            raise RequestError(message, code="invalid_value", param="type")
        self._playback.clear()

    def _answers_running_call(self, item: Item) -> bool:
        return isinstance(item, FunctionCallOutput) and any(
            response.made_call(item.call_id) for response in self._responses
        )

    # --- responses ------------------------------------------------------------------------------

    def _create_response(self, params: ResponseCreateParams, *, answers_silence: bool) -> None:
        in_conversation = params.conversation != "none"
        if in_conversation:
            self._responses.refuse_second()
        self._responses.refuse_too_many()
        resolved = self._resolve(params)
        context = self._context(params)
        if params.tools is not UNSET:
            self._mcp.servers.also_use(params.tools)
        self._responses.create(
            resolved,
            context,
            self._window_for(params),
            truncation=self._settings.truncation,
            in_conversation=in_conversation,
            answers_silence=answers_silence,
            has_own_input=_has_own_input(params),
            now=self._now,
        )
        if in_conversation:
            self._silence.end()

    def _resolve(self, params: ResponseCreateParams) -> Resolved:
        resolved = resolve(self._settings, params, self._abilities, self._mcp.servers.listed)
        if self._playback is None:
            return resolved
        # What the sound is sent as is between transport and client, whatever the session says.
        plan = replace(resolved.plan, output_format=PcmFormat())
        return resolved._replace(plan=plan)

    def _context(self, params: ResponseCreateParams) -> tuple[Entry, ...]:
        if params.input is None or params.input is UNSET:
            return tuple(self._conversation)
        self._mcp.servers.check_input(params.input, "response.input")
        return self._editing.context(params.input, self.heard)

    def _window_for(self, params: ResponseCreateParams) -> Window:
        """Only what writes to the conversation may put items of it out of sight for good."""
        if _has_own_input(params):
            return self._window.afresh()
        return self._window.aside() if params.conversation == "none" else self._window

    def _respond_unasked(self, *, answers_silence: bool) -> None:
        """Create a response that no client event asked for."""
        try:
            self._create_response(ResponseCreateParams(), answers_silence=answers_silence)
        except RequestError as error:
            self._send_error(ErrorObject.of(error))

    def _prospect(self) -> Prospect:
        resolved = self._resolve(ResponseCreateParams())
        return Prospect(resolved, self._window, self._settings.truncation)

    def _after_response(self, response: Response) -> None:
        if self._limits is not None:
            self._limits.spend(response.usage, self._now)
            self._tell_limits(self._limits.figures(self._now))
        if self._playback is not None:
            self._playback.end(response.id)
        if response.in_conversation and not self._listening.speaking:
            self._await_user(response)
        deferred, self._deferred = self._deferred, []
        for event in deferred:
            self._take_deferred(event)

    def _tell_limits(self, figures: tuple[sent.RateLimit, ...]) -> None:
        if figures:
            event_id = self._outgoing.event_id()
            self._outgoing.send(sent.RateLimitsUpdated(event_id=event_id, rate_limits=figures))

    def _await_user(self, response: Response) -> None:
        """Have the silence after a response begin when it is heard to its end."""
        if self._playback is None:
            self._silence.begin(self._now + response.spoken_ms / 1000)
        elif self._playback.is_silent:
            self._silence.begin(self._now)

    def _after_playback(self) -> None:
        if self._responses.active is None and not self._listening.speaking:
            self._silence.begin(self._now)

    def _take_deferred(self, event: received.ConversationItemCreate) -> None:
        try:
            self._create_item(event)
        except RequestError as error:
            self._refuse(error, event)

    # --- time -----------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return any(True for _ in self._responses) or self._mcp.busy

    def _do_due(self, now: float) -> None:
        idle_at = self._silence.due(self.heard.turn_detection)
        if idle_at is not None and now >= idle_at:
            self._now = now
            self._silence.end()
            self._listening.commit_silence()
            self._respond_unasked(answers_silence=True)

    # --- small common things --------------------------------------------------------------------

    def _warm(self) -> None:
        """Have what the next response will see read ahead, as far as that is known by now."""
        plan = self._resolve(ResponseCreateParams()).plan
        entries = tuple(self._conversation)
        try:
            seen = self._window.aside().look(entries, plan, self._settings.truncation)
        except RequestError:
            return  # the response would fail as well, and says why
        self._outgoing.do(WarmPrompt(plan.instructions, chat_messages(seen), plan.tools))

    def _stop_everything(self, now: float) -> None:
        self._now = now
        for response in self._responses:
            self._responses.cancel(response.id)
        self._conversation.clear()  # it may be large, and nobody will ask for it any more


def _has_own_input(params: ResponseCreateParams) -> bool:
    """Whether a response is to answer what comes with it, in the place of the conversation."""
    return params.input is not None and params.input is not UNSET


def _leave_to_client(_message: SpokenMessage) -> None:
    """Playing an answer is the client's affair where it gets the audio."""
