"""The items that a response puts out, and the frames in which each opens, grows and closes.

Every ``…added`` has its ``…done``; what the ``.done`` frames carry is the deltas put together. The
order of the frames is that of the recorded service:

* opening: ``output_item.added``, ``conversation.item.added``, ``content_part.added``;
* closing: the part's ``.done`` frames, ``content_part.done``, ``conversation.item.done``,
  ``output_item.done``.

An item of an out-of-band response has the ``response.*`` frames only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import NamedTuple, TypedDict

from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import KeepItem, SendAudio
from antiphon.core.outgoing import Outgoing
from antiphon.core.speech import SpokenText
from antiphon.wire import server_events as sent
from antiphon.wire.items import (
    AudioPart,
    FunctionCall,
    Item,
    ItemStatus,
    Message,
    OutputAudio,
    OutputText,
    TextPart,
)

__all__ = ["CalledFunction", "ItemState", "OutputItem", "Site", "SpokenMessage", "WrittenMessage"]


class ItemState(Enum):
    """Where an output item is in its life."""

    OPEN = "open"
    CLOSED = "closed"


class Site(NamedTuple):
    """Where an item is put out.

    Attributes:
        outgoing: Takes its frames.
        conversation: What it becomes part of; ``None`` out of band.
        response_id: The response it belongs to.
        output_index: Its place in that response.
    """

    outgoing: Outgoing
    conversation: Conversation | None
    response_id: str
    output_index: int


class _InItem(TypedDict):
    """The keys that every event about an item's content has."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int


class _InPart(_InItem):
    """The keys that every event about a content part has."""

    content_index: int


class OutputItem(ABC):
    """One item of a response."""

    def __init__(self, site: Site) -> None:
        self.state = ItemState.OPEN
        self.id = site.outgoing.item_id()
        self.response_id = site.response_id
        self.output_index = site.output_index
        self._outgoing = site.outgoing
        self._conversation = site.conversation
        self._entry: Entry | None = None

    def open(self) -> None:
        """Announce the item."""
        item = self._announced()
        self._outgoing.send(
            sent.ResponseOutputItemAdded(
                event_id=self._outgoing.event_id(),
                response_id=self.response_id,
                output_index=self.output_index,
                item=item,
            )
        )
        if self._conversation is not None:
            self._entry = Entry(item, speech=self._speech())
            previous_id = self._conversation.append(self._entry)
            self._outgoing.send(
                sent.ConversationItemAdded(
                    event_id=self._outgoing.event_id(), previous_item_id=previous_id, item=item
                )
            )
        self._open_part()

    def close(self, status: ItemStatus) -> Item:
        """Announce that the item will not change any more, and return its final form."""
        self.state = ItemState.CLOSED
        self._close_part()
        item = self._final(status)
        if self._conversation is not None and self._entry is not None:
            self._entry.finish_output(item)
            if self._is_done(status):
                self._send_item_done(item)
        self._outgoing.send(
            sent.ResponseOutputItemDone(
                event_id=self._outgoing.event_id(),
                response_id=self.response_id,
                output_index=self.output_index,
                item=item,
            )
        )
        return item

    def _send_item_done(self, item: Item) -> None:
        """Announce the final form to the conversation."""
        assert self._conversation is not None
        assert self._entry is not None
        # The client may have deleted the item while it was still growing.
        if self._conversation.find(self.id) is self._entry:
            self._outgoing.send(
                sent.ConversationItemDone(
                    event_id=self._outgoing.event_id(),
                    previous_item_id=self._conversation.id_before(self._entry),
                    item=item,
                )
            )
            if self._entry.item != item:  # it was truncated meanwhile
                self._outgoing.do(KeepItem(self._entry.item))

    @abstractmethod
    def _announced(self) -> Item:
        """Return the item as it is while empty."""

    @abstractmethod
    def _final(self, status: ItemStatus) -> Item:
        """Return the item with everything in it."""

    @abstractmethod
    def _open_part(self) -> None:
        """Announce the item's content part, if it has one."""

    @abstractmethod
    def _close_part(self) -> None:
        """Announce that the content is complete."""

    def _is_done(self, _status: ItemStatus) -> bool:
        """Say whether the item is final once the response is done with it."""
        return True

    def _speech(self) -> SpokenText | None:
        return None

    def _in_item(self) -> _InItem:
        return _InItem(
            event_id=self._outgoing.event_id(),
            response_id=self.response_id,
            item_id=self.id,
            output_index=self.output_index,
        )

    def _in_part(self) -> _InPart:
        return _InPart(**self._in_item(), content_index=0)

    def _send_part_added(self, part: AudioPart | TextPart) -> None:
        self._outgoing.send(sent.ResponseContentPartAdded(**self._in_part(), part=part))

    def _send_part_done(self, part: AudioPart | TextPart) -> None:
        self._outgoing.send(sent.ResponseContentPartDone(**self._in_part(), part=part))


class WrittenMessage(OutputItem):
    """An answer in text."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._text = ""

    def write(self, text: str) -> None:
        """Append text."""
        self._text += text
        self._outgoing.send(
            sent.ResponseOutputTextDelta(
                **self._in_part(), delta=text, obfuscation=self._outgoing.padding_for(text)
            )
        )

    def _announced(self) -> Item:
        return _assistant(self.id, "in_progress")

    def _final(self, status: ItemStatus) -> Item:
        return _assistant(self.id, status, OutputText(text=self._text))

    def _open_part(self) -> None:
        self._send_part_added(TextPart(text=""))

    def _close_part(self) -> None:
        self._outgoing.send(sent.ResponseOutputTextDone(**self._in_part(), text=self._text))
        self._send_part_done(TextPart(text=self._text))


class SpokenMessage(OutputItem):
    """An answer in speech, with its transcript."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._spoken = SpokenText()

    @property
    def duration_ms(self) -> float:
        """How long its audio is so far."""
        return self._spoken.duration_ms

    @property
    def entry(self) -> Entry | None:
        """What the conversation knows of it; ``None`` out of band."""
        return self._entry

    @property
    def in_conversation(self) -> bool:
        """Whether it is part of the conversation."""
        return self._entry is not None

    @property
    def is_whole(self) -> bool:
        """Whether no more audio of it will come."""
        return self.state is not ItemState.OPEN

    def say(self, text: str) -> None:
        """Append text that is about to be spoken."""
        self._spoken.say(text)
        self._outgoing.send(
            sent.ResponseOutputAudioTranscriptDelta(
                **self._in_part(), delta=text, obfuscation=self._outgoing.padding_for(text)
            )
        )

    def align(self, spoken_chars: int) -> None:
        """Note that the audio so far speaks so many characters of the text."""
        self._spoken.align(spoken_chars)

    def sound(self, pcm: bytes, duration_ms: float) -> None:
        """Append audio."""
        self._spoken.sound(duration_ms)
        self._outgoing.do(SendAudio(**self._in_part(), pcm=pcm))

    def _announced(self) -> Item:
        return _assistant(self.id, "in_progress")

    def _final(self, status: ItemStatus) -> Item:
        return _assistant(self.id, status, OutputAudio(transcript=self._spoken.text))

    def _open_part(self) -> None:
        self._send_part_added(AudioPart(transcript=""))

    def _close_part(self) -> None:
        self._outgoing.send(sent.ResponseOutputAudioDone(**self._in_part()))
        self._outgoing.send(
            sent.ResponseOutputAudioTranscriptDone(**self._in_part(), transcript=self._spoken.text)
        )
        self._send_part_done(AudioPart(transcript=self._spoken.text))

    def _speech(self) -> SpokenText | None:
        return self._spoken


class CalledFunction(OutputItem):
    """A call of one of the client's functions."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site)
        self.name = name
        self.call_id = site.outgoing.call_id()
        self._arguments = ""

    def write(self, arguments: str) -> None:
        """Append JSON text to the arguments."""
        self._arguments += arguments
        self._outgoing.send(
            sent.ResponseFunctionCallArgumentsDelta(
                **self._in_item(),
                call_id=self.call_id,
                delta=arguments,
                obfuscation=self._outgoing.padding_for(arguments),
            )
        )

    def _announced(self) -> Item:
        return self._call("in_progress", "")

    def _final(self, status: ItemStatus) -> Item:
        return self._call(status, self._arguments)

    def _open_part(self) -> None:
        """A call has no content parts."""

    def _close_part(self) -> None:
        self._outgoing.send(
            sent.ResponseFunctionCallArgumentsDone(
                **self._in_item(), call_id=self.call_id, name=self.name, arguments=self._arguments
            )
        )

    def _call(self, status: ItemStatus, arguments: str) -> FunctionCall:
        return FunctionCall(
            id=self.id, status=status, name=self.name, call_id=self.call_id, arguments=arguments
        )


def _assistant(item_id: str, status: ItemStatus, *content: OutputText | OutputAudio) -> Message:
    return Message(id=item_id, status=status, role="assistant", content=content)
