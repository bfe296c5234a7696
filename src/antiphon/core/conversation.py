"""The conversation: items in order, and what is known of each beside what the client sees."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec.structs import replace

from antiphon.core.plan import ChatMessage
from antiphon.core.signals import Failure
from antiphon.core.speech import SpokenText
from antiphon.core.usage import INPUT_AUDIO_TOKENS_PER_S, audio_tokens
from antiphon.errors import RequestError
from antiphon.wire.items import (
    InputAudio,
    Item,
    Message,
    OutputAudio,
)

__all__ = ["MAX_CLIENT_BYTES", "MAX_ITEMS", "Conversation", "Entry", "Hearing"]

ROOT = "root"
"""As ``previous_item_id``: insert before every other item."""


class Hearing(Enum):
    """How far the words of a user's audio are known."""

    NOT_NEEDED = "not needed"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Entry:
    """One item with its bookkeeping.

    Attributes:
        item: The item as the client sees it, without audio bytes.
        hearing: How far the words of its input audio are known.
        audio_ms: How long its input audio is.
        audio_tokens: What that counts for in the usage of a response.
        audio_part: Which of its content parts the input audio is.
        transcribed_for_client: Whether the client asked to be told the words of its input audio.
        logprobs_for_client: Whether it wants to be told how sure the transcriber is of them.
        model_hears: Whether the language model hears its input audio, and needs no words of it.
        failure: Why the words of its input audio could not be found out, if so.
        speech: Words and audio of a spoken answer.
        heard_ms: How much of a spoken answer was heard, once the client (or the transport that
            plays it) has said so; ``None`` if all of it.
        messages: How the language model reads the item, once that has been worked out
            (``core/context.py``); forgotten when the item changes.
        tokens: How many tokens that takes, likewise (``core/window.py``).
    """

    def __init__(
        self,
        item: Item,
        *,
        hearing: Hearing = Hearing.NOT_NEEDED,
        audio_ms: float = 0.0,
        audio_part: int = 0,
        transcribed_for_client: bool = False,
        speech: SpokenText | None = None,
    ) -> None:
        self.item = item
        self.hearing = hearing
        self.audio_ms = audio_ms
        self.audio_tokens = audio_tokens(audio_ms, INPUT_AUDIO_TOKENS_PER_S)
        self.audio_part = audio_part
        self.transcribed_for_client = transcribed_for_client
        self.logprobs_for_client = False
        self.model_hears = False
        self.failure: Failure | None = None
        self.speech = speech
        self.heard_ms: float | None = None

    @property
    def item(self) -> Item:
        """The item as the client sees it."""
        return self._item

    @item.setter
    def item(self, item: Item) -> None:
        self._item = item
        self.messages: tuple[ChatMessage, ...] | None = None
        self.tokens: int | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether a response has to wait for the words of its input audio."""
        return self.hearing is Hearing.PENDING and not self.model_hears

    @property
    def id(self) -> str:
        """The item's id; every item in a conversation has one."""
        assert isinstance(self.item.id, str)
        return self.item.id

    def finish_hearing(self, transcript: str) -> None:
        """Note the words of the item's input audio."""
        assert isinstance(self.item, Message)
        self.hearing = Hearing.DONE
        content = list(self.item.content)
        heard = content[self.audio_part]
        assert isinstance(heard, InputAudio)
        content[self.audio_part] = replace(heard, transcript=transcript)
        self.item = replace(self.item, content=tuple(content))

    def fail_hearing(self, failure: Failure) -> None:
        """Note that the words of the item's input audio cannot be found out."""
        self.hearing = Hearing.FAILED
        self.failure = failure

    def finish_output(self, item: Item) -> None:
        """Put the answer's final form in the place of what was announced."""
        self.item = item
        if self.heard_ms is not None:
            self.truncate(self.heard_ms)

    def truncate(self, heard_ms: float) -> float:
        """Keep only the words of a spoken answer that were heard by ``heard_ms``.

        While the answer is still being spoken, what it says later is never kept either.

        Returns:
            How much is kept, in milliseconds: less than asked for, if more was cut off before.
        """
        assert self.speech is not None
        self.heard_ms = heard_ms if self.heard_ms is None else min(heard_ms, self.heard_ms)
        if isinstance(self.item, Message) and self.item.content:
            transcript = self.speech.heard(self.heard_ms)
            self.item = replace(self.item, content=(OutputAudio(transcript=transcript),))
        return self.heard_ms


MAX_ITEMS = 10_000
"""Of one conversation. Two for each second of an hour's talk are 7 200; nobody talks like that."""

MAX_CLIENT_BYTES = 64 << 20
"""Of texts and images that a client has put into one conversation, 64 MiB. What is said counts by
the number of items: words are few."""


class Conversation:
    """The default conversation of a session."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self._entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._sizes_bytes: dict[str, int] = {}  # of what the client has put in
        self._client_bytes = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def last_id(self) -> str | None:
        """Id of the newest item."""
        return self._entries[-1].id if self._entries else None

    def refuse_full(self) -> None:
        """Check that there is room for one more item.

        Raises:
            RequestError: ``too_many_items``.
        """
        if len(self._entries) >= MAX_ITEMS:
            message = (
                f"The conversation has {len(self._entries)} items, and may have {MAX_ITEMS}. "
                "Delete some of them, or open another session."
            )
            raise RequestError(message, code="too_many_items")

    def refuse_large(self, size_bytes: int) -> None:
        """Check that there is room for what a client wants to put in.

        Args:
            size_bytes: How large it is.

        Raises:
            RequestError: ``conversation_too_large``.
        """
        if self._client_bytes + size_bytes > MAX_CLIENT_BYTES:
            message = (
                f"The items that the client has created have {self._client_bytes} bytes of text "
                f"and images, and may have {MAX_CLIENT_BYTES}; this one has {size_bytes}. Delete "
                "some of them."
            )
            raise RequestError(message, code="conversation_too_large", param="item")

    def find(self, item_id: str) -> Entry | None:
        """Return the entry of that id, if it is part of the conversation."""
        return self._by_id.get(item_id)

    def require(self, item_id: str, *, verb: str) -> Entry:
        """Return the entry of that id.

        Args:
            item_id: What the client named.
            verb: ``delete``, ``retrieve`` or ``truncate``: what it wants to do with it.

        Raises:
            RequestError: ``item_<verb>_invalid_item_id``, if there is no such item.
        """
        entry = self._by_id.get(item_id)
        if entry is None:
            doing = verb.removesuffix("e") + "ing"
            message = f"Error {doing} item: the item with id '{item_id}' does not exist."
            raise RequestError(message, code=f"item_{verb}_invalid_item_id")
        return entry

    def place_after(self, previous_item_id: str | None) -> int:
        """Return where an item goes that is to follow ``previous_item_id``.

        Args:
            previous_item_id: An item's id; ``"root"`` for the front; ``None`` or ``""`` for the
                end.

        Raises:
            RequestError: ``item_create_invalid_previous_item_id``, if there is no such item.
        """
        if not previous_item_id:
            return len(self._entries)
        if previous_item_id == ROOT:
            return 0
        previous = self._by_id.get(previous_item_id)
        if previous is None:
            message = (
                f"Error adding item: the previous item with id '{previous_item_id}' does not exist."
            )
            raise RequestError(message, code="item_create_invalid_previous_item_id")
        return self._entries.index(previous) + 1

    def insert(self, index: int, entry: Entry, *, client_bytes: int = 0) -> str | None:
        """Put an entry at a place and return the id of the item before it.

        Args:
            index: The place.
            entry: The entry.
            client_bytes: How much of it comes from the client, :meth:`refuse_large` allowing.
        """
        self._entries.insert(index, entry)
        self._by_id[entry.id] = entry
        if client_bytes:
            self._sizes_bytes[entry.id] = client_bytes
            self._client_bytes += client_bytes
        return self._entries[index - 1].id if index else None

    def append(self, entry: Entry) -> str | None:
        """Put an entry at the end and return the id of the item before it."""
        return self.insert(len(self._entries), entry)

    def id_before(self, entry: Entry) -> str | None:
        """Return the id of the item before this one."""
        index = self._entries.index(entry)
        return self._entries[index - 1].id if index else None

    def remove(self, entry: Entry) -> None:
        """Take an entry out; its neighbours close up."""
        self._entries.remove(entry)
        del self._by_id[entry.id]
        self._client_bytes -= self._sizes_bytes.pop(entry.id, 0)

    def clear(self) -> None:
        """Take all entries out."""
        self._entries.clear()
        self._by_id.clear()
        self._sizes_bytes.clear()
        self._client_bytes = 0
