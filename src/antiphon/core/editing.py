"""What clients do to the items of a conversation: create, retrieve, delete, truncate."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from msgspec import UNSET
from msgspec.structs import replace

from antiphon.core.abilities import Abilities
from antiphon.core.conversation import Conversation, Entry
from antiphon.core.created_items import Admitted, admit, size_bytes_of
from antiphon.core.effects import ForgetItem, KeepItem, SendRetrieved
from antiphon.core.listening import Listening, announce
from antiphon.core.outgoing import Outgoing
from antiphon.core.output_items import SpokenMessage
from antiphon.errors import RequestError
from antiphon.wire import client_events as received
from antiphon.wire import server_events as sent
from antiphon.wire.audio_config import AudioInput
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    ItemReference,
    Message,
)

__all__ = ["Editing"]

_TRUNCATE_TOLERANCE_MS = 100
"""Clients count what they played by their own clock; so much too much is taken as all of it."""


class Editing:
    """A client's hand in one conversation."""

    def __init__(
        self,
        outgoing: Outgoing,
        conversation: Conversation,
        listening: Listening,
        abilities: Abilities,
    ) -> None:
        self._outgoing = outgoing
        self._conversation = conversation
        self._listening = listening
        self._abilities = abilities

    def create(self, event: received.ConversationItemCreate, heard: AudioInput) -> None:
        """Put an item into the conversation.

        Raises:
            RequestError: It cannot be taken, or cannot go where it should.
        """
        index = self._conversation.place_after(event.previous_item_id or None)
        if event.item.id and self._is_taken(event.item.id):
            message = f"Error adding item: an item with id '{event.item.id}' exists already."
            raise RequestError(message, code="invalid_value", param="item.id")
        size_bytes = size_bytes_of(event.item)
        self._conversation.refuse_full()
        self._conversation.refuse_large(size_bytes)
        admitted = self._admit(event.item, "item", heard, self._conversation)
        if admitted.audio is not None:
            self._listening.transcripts.refuse_too_many()
        previous_id = self._conversation.insert(index, admitted.entry, client_bytes=size_bytes)
        announce(admitted.entry, previous_id, self._outgoing)
        self._begin_hearing([admitted], heard)

    def retrieve(self, item_id: str) -> None:
        """Send an item as it stands, with its audio.

        Raises:
            RequestError: ``item_retrieve_invalid_item_id``.
        """
        entry = self._conversation.require(item_id, verb="retrieve")
        item = entry.item
        if isinstance(item, Message | FunctionCall | FunctionCallOutput):
            item = replace(item, object="realtime.item")
        event = sent.ConversationItemRetrieved(event_id=self._outgoing.event_id(), item=item)
        self._outgoing.do(SendRetrieved(event, entry.heard_ms))

    def delete(self, item_id: str) -> None:
        """Take an item out of the conversation.

        Raises:
            RequestError: ``item_delete_invalid_item_id``.
        """
        self._conversation.remove(self._conversation.require(item_id, verb="delete"))
        self._outgoing.do(ForgetItem(item_id))
        self._outgoing.send(
            sent.ConversationItemDeleted(event_id=self._outgoing.event_id(), item_id=item_id)
        )

    def truncate(self, event: received.ConversationItemTruncate) -> None:
        """Cut a spoken answer where the user stopped listening.

        Raises:
            RequestError: ``item_truncate_invalid_item_id``; ``unsupported_content_type``; or
                ``invalid_value``, if it is not that long.
        """
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
        self._outgoing.do(KeepItem(entry.item))

    def cut_off(self, message: SpokenMessage, played_ms: float) -> None:
        """Cut a message where its playback ended, unless the client has deleted it."""
        entry = message.entry
        if entry is None or self._conversation.find(message.id) is not entry:
            return
        self._outgoing.send(
            sent.ConversationItemTruncated(
                event_id=self._outgoing.event_id(),
                item_id=message.id,
                content_index=0,
                audio_end_ms=round(entry.truncate(played_ms)),
            )
        )
        self._outgoing.do(KeepItem(entry.item))

    def context(
        self, items: tuple[Item | ItemReference, ...], heard: AudioInput
    ) -> tuple[Entry, ...]:
        """Return the entries that stand for the custom input of a response.

        Raises:
            RequestError: One of the items cannot be taken; none is.
        """
        admitted: list[Admitted] = []
        for index, item in enumerate(items):
            param = f"response.input[{index}]"
            before = chain(self._conversation, (entry for entry, _ in admitted))
            if isinstance(item, ItemReference):
                admitted.append(self._referenced(item, param))
            else:
                # Of one id there may be an item in the input of every response: they get their own.
                own = replace(item, id=UNSET)
                admitted.append(self._admit(own, param, heard, before))
        if any(audio is not None for _, audio in admitted):
            self._listening.transcripts.refuse_too_many()
        # Only once all are admitted: a refusal leaves nothing behind.
        self._begin_hearing(admitted, heard)
        return tuple(entry for entry, _ in admitted)

    def _referenced(self, reference: ItemReference, param: str) -> Admitted:
        entry = self._conversation.find(reference.id)
        if entry is None:
            message = f"Item with id '{reference.id}' not found in conversation."
            raise RequestError(message, code="invalid_value", param=f"{param}.id")
        return Admitted(entry, None)

    def _admit(
        self, item: Item, param: str, heard: AudioInput, before: Iterable[Entry]
    ) -> Admitted:
        return admit(
            item,
            self._outgoing,
            before=before,
            abilities=self._abilities,
            audio_format=heard.format,
            param=param,
        )

    def _begin_hearing(self, admitted: Iterable[Admitted], heard: AudioInput) -> None:
        for entry, audio in admitted:
            if audio is not None:
                self._listening.transcripts.begin(entry, audio, heard.transcription)

    def _is_taken(self, item_id: str) -> bool:
        """Whether an item of that id is there, has been announced, or is still listened to."""
        return (
            self._conversation.find(item_id) is not None
            or self._listening.has_announced(item_id)
            or self._listening.transcripts.awaits(item_id)
        )
