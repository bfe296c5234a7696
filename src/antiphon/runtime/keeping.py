"""Keeps what happens in sessions: responses, what they answered, and all other items.

It tells by the events what became of a conversation, so sessions of engines and those of a service
are kept alike. Out of sight of events are only the words of a user's audio that the client did not
ask for, what is left of a truncated answer, and the input that a response brought along; the core
tells of these (:meth:`SessionObserver.change`, ``EndedResponse.own_input``), and of a service's
sessions they are not known.

Of images nothing is kept but that they were there. Instructions are not kept at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from antiphon.engines.base import Floats
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.kept_items import KeptItems
from antiphon.runtime.kept_speech import KeptSpeech
from antiphon.runtime.observers import EndedResponse, OpenedSession, SessionObserver
from antiphon.store.choices import StoreChoice
from antiphon.store.records import (
    ConversationNamed,
    ItemDeleted,
    ItemKept,
    ItemsMoved,
    Record,
    ResponseKept,
    SessionClosed,
    SessionOpened,
    now_us,
)
from antiphon.store.texts import without_content, without_media, without_output_content
from antiphon.wire import server_events as sent
from antiphon.wire.audio_config import AudioFormat
from antiphon.wire.codec import encode
from antiphon.wire.items import InputAudio, Item, Message
from antiphon.wire.response import RealtimeResponse, RealtimeResponseUsage
from antiphon.wire.server_events import ServerEvent
from antiphon.wire.translation import TranslationServerEvent

__all__ = ["Cost", "Keeper", "Keeping"]

Cost = Callable[[str, RealtimeResponseUsage | None], int | None]
"""What a response of a model cost, in millionths of the currency; ``None`` if nobody knows."""


class Keeper(Protocol):
    """Where records go; a :class:`~antiphon.store.store.Store`."""

    def put(self, record: Record) -> None:
        """Have a record kept. Never waits, never raises."""
        ...


class Keeping:
    """Keeps all sessions; an :class:`~antiphon.runtime.observers.Observer`.

    Args:
        keeper: Where records go.
        choice: What is kept; not ``nothing``.
        cost: Says what responses cost.
    """

    def __init__(self, keeper: Keeper, choice: StoreChoice, cost: Cost) -> None:
        self._keeper = keeper
        self._choice = choice
        self._cost = cost

    def open(self, session: OpenedSession, host: SessionHost) -> SessionObserver:  # noqa: ARG002
        """Keep that a session has begun; return who keeps the rest."""
        kept = _KeptWithAudio if self._choice.audio else _Kept
        return kept(session, self._keeper, self._choice, self._cost)


class _Begun(NamedTuple):
    """A response that has not ended.

    Attributes:
        created_at: When it began, microseconds since 1970.
        input_items: The ids of what it answers.
        is_apart: Whether its output is no part of the conversation.
    """

    created_at: int
    input_items: tuple[str, ...]
    is_apart: bool


class _Kept(SessionObserver):
    """Keeps one session."""

    def __init__(
        self, session: OpenedSession, keeper: Keeper, choice: StoreChoice, cost: Cost
    ) -> None:
        self._session = session
        self._conversation_id = session.conversation_id or session.id
        self._put = keeper.put
        self._keeps_content = choice.keep == "everything"
        self._cost = cost
        self._items = KeptItems()
        self._speech = (
            KeptSpeech(keeper.put, lambda: self._conversation_id) if choice.audio else None
        )
        self._begun: dict[str, _Begun] = {}
        self._announced: dict[str, str] = {}  # response ids, by the ids of output items
        self._left_out: set[str] = set()  # output that was deleted before its response had ended
        self._put(
            SessionOpened(
                id=session.id,
                conversation_id=self._conversation_id,
                kind=session.kind,
                model=session.model,
                key_name=session.key_name,
                transport=session.transport,
                opened_at=round(session.opened_at_s * 1_000_000),
            )
        )

    # --- what is told -----------------------------------------------------------------------------

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        """Keep what an event tells of the conversation."""
        match event:
            case sent.ConversationItemAdded(item=item, previous_item_id=previous_id):
                self._add(item, previous_id)
            case sent.ConversationItemDone(item=item):
                self._finish(item)
            case sent.ConversationItemInputAudioTranscriptionCompleted():
                self._hear_words(event)
            case sent.ConversationItemDeleted(item_id=item_id):
                self._delete(item_id)
            case sent.ConversationItemTruncated(item_id=item_id, audio_end_ms=heard_ms):
                if self._speech is not None:  # of its words the core tells
                    self._speech.cut(item_id, heard_ms)
            case sent.ResponseCreated(response=response):
                self._begin(response)
            case sent.ResponseOutputItemAdded(item=item, response_id=response_id):
                self._announced[str(item.id)] = response_id
            case sent.ResponseOutputItemDone(item=item, response_id=response_id):
                self._announced.pop(str(item.id), None)
                begun = self._begun.get(response_id)
                if begun is not None and begun.is_apart:
                    self._keep_apart(item, response_id)

    def change(self, item: Item) -> None:
        """Keep an item as it is now, if it is part of the conversation."""
        kept = self._items.find(str(item.id))
        if kept is not None:
            kept.item = without_media(item)
            self._keep(
                kept.item,
                position=kept.position,
                response_id=kept.response_id,
                created_at=kept.created_at,
                is_change=kept.is_kept,
            )
            kept.is_kept = True

    def hear(self, item_id: str, audio: Floats) -> None:
        """Keep what the user said, if audio is kept."""
        if self._speech is not None:
            self._speech.hear(item_id, audio)

    def end_response(self, ended: EndedResponse) -> None:
        """Keep a response."""
        response = ended.response
        begun = self._begun.pop(response.id, None) or _Begun(now_us(), (), is_apart=True)
        input_items = begun.input_items
        if ended.own_input is not None:
            for item in ended.own_input:
                if self._items.find(str(item.id)) is None:
                    self._keep_apart(item, None)
            input_items = tuple(str(item.id) for item in ended.own_input)
        if not self._left_out.isdisjoint(str(item.id) for item in response.output):
            left = tuple(item for item in response.output if item.id not in self._left_out)
            self._left_out.difference_update(str(item.id) for item in response.output)
            response = replace(response, output=left)
        has_audio = self._speech is not None and self._speech.keep(response)
        shown = response if self._keeps_content else without_output_content(response)
        self._put(
            ResponseKept(
                body=encode(shown),
                response=shown,
                session_id=self._session.id,
                created_at=begun.created_at,
                ended_at=now_us(),
                model=self._session.model,
                key_name=self._session.key_name,
                moments=encode(ended.timeline.as_ms()),
                input_items=encode(input_items),
                has_audio=has_audio,
                cost_micros=self._cost(self._session.model, response.usage),
            )
        )

    def close(self, reason: CloseReason | None) -> None:
        """Keep that the session is over, and what is still unfinished."""
        for kept in self._items:
            if not kept.is_whole:
                self.change(kept.item)
        code, text = reason if reason is not None else (None, None)
        closed = SessionClosed(
            id=self._session.id, closed_at=now_us(), close_code=code, close_reason=text
        )
        self._put(closed)

    # --- items ------------------------------------------------------------------------------------

    def _add(self, item: Item, previous_id: str | None) -> None:
        """Take an item into the conversation. It is kept when it is whole, mostly at once."""
        moved = self._items.add(
            without_media(item),
            previous_id=previous_id,
            created_at=now_us(),
            response_id=self._announced.get(str(item.id)),
        )
        if moved:
            self._put(ItemsMoved(self._conversation_id, moved))

    def _finish(self, item: Item) -> None:
        kept = self._items.find(str(item.id))
        if kept is not None:
            kept.is_whole = True
            self.change(item)

    def _hear_words(self, event: sent.ConversationItemInputAudioTranscriptionCompleted) -> None:
        kept = self._items.find(event.item_id)
        if kept is None or not isinstance(kept.item, Message):
            return
        content = tuple(
            replace(part, transcript=event.transcript)
            if index == event.content_index and isinstance(part, InputAudio)
            else part
            for index, part in enumerate(kept.item.content)
        )
        if content != kept.item.content:  # it may be known already
            self.change(replace(kept.item, content=content))

    def _delete(self, item_id: str) -> None:
        kept = self._items.find(item_id)
        if kept is not None and kept.response_id in self._begun:
            self._left_out.add(item_id)
        self._items.remove(item_id)
        self._announced.pop(item_id, None)  # a client may give another item the same id
        if self._speech is not None:
            self._speech.forget(item_id)
        self._put(ItemDeleted(self._conversation_id, item_id))

    def _keep_apart(self, item: Item, response_id: str | None) -> None:
        """Keep an item that is no part of the conversation."""
        self._keep(without_media(item), position=None, response_id=response_id, created_at=now_us())

    def _keep(
        self,
        item: Item,
        *,
        position: int | None,
        response_id: str | None,
        created_at: int,
        is_change: bool = False,
    ) -> None:
        shown = item if self._keeps_content else without_content(item)
        self._put(
            ItemKept(
                conversation_id=self._conversation_id,
                session_id=self._session.id,
                body=encode(shown),
                item=shown,
                position=position,
                response_id=response_id,
                created_at=created_at,
                is_change=is_change,
            )
        )

    # --- responses --------------------------------------------------------------------------------

    def _begin(self, response: RealtimeResponse) -> None:
        named = response.conversation_id
        if self._session.conversation_id is None and named not in (None, self._conversation_id):
            self._conversation_id = str(named)
            self._put(ConversationNamed(self._session.id, self._conversation_id))
        self._begun[response.id] = _Begun(
            now_us(), self._items.since_last_output(), is_apart=named is None
        )


class _KeptWithAudio(_Kept):
    """Keeps one session with its audio. Nobody is told what is spoken but who overrides that."""

    def speak(self, item_id: str, pcm: bytes, audio_format: AudioFormat) -> None:
        """Keep what the assistant says."""
        if self._speech is not None and item_id not in self._left_out:
            self._speech.speak(item_id, pcm, audio_format)
