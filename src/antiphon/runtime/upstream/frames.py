"""What a relay looks at in the frames of a service; the rest passes through unread.

The types of the protocol (``wire/``) are not used here: they would refuse whatever the service has
and this server does not know yet.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.wire.fields import TokenCount
from antiphon.wire.response import RealtimeResponseUsage

__all__ = ["Outcome", "Passing", "decoded", "outcome", "peek"]

_log = logging.getLogger(__name__)

_ABSENT = Raw(b"null")


class Passing(Struct, frozen=True):
    """A server event that passes by. What is ``Raw`` has not been decoded, audio least of all.

    Attributes are those of the events; see ``wire/server_events.py``.
    """

    type: str
    event_id: str | None = None
    response_id: str | None = None
    item_id: str | None = None
    previous_item_id: str | None = None
    output_index: int = 0
    content_index: int = 0
    delta: Raw = _ABSENT
    part: Raw = _ABSENT
    item: Raw = _ABSENT
    response: Raw = _ABSENT
    session: Raw = _ABSENT
    conversation: Raw = _ABSENT
    error: Raw = _ABSENT


class _Total(Struct, frozen=True):
    total_tokens: TokenCount = 0


class Outcome(Struct, frozen=True):
    """What is to be known of the ``response`` in ``response.created`` and ``response.done``.

    Attributes:
        id: Its id.
        status: Where it stands, or how it ended.
        conversation_id: What it writes to; ``None`` out of band.
        used: What it used, undecoded.
    """

    id: str
    status: str
    conversation_id: str | None = None
    used: Raw = msgspec.field(name="usage", default=_ABSENT)

    @property
    def usage(self) -> RealtimeResponseUsage:
        """What it used; where the details are worded as nobody knows them, in all.

        Nothing, if that cannot be read either: the answer was none the worse for it.
        """
        try:
            return msgspec.json.decode(self.used, type=RealtimeResponseUsage | None) or _NOTHING
        except msgspec.ValidationError:
            pass
        try:
            total = msgspec.json.decode(self.used, type=_Total).total_tokens
        except msgspec.ValidationError as error:
            _log.warning("what '%s' used cannot be read, and counts as nothing: %s", self.id, error)
            return _NOTHING
        return RealtimeResponseUsage(total_tokens=total, input_tokens=total)


_NOTHING = RealtimeResponseUsage()

_decoder = msgspec.json.Decoder(Passing)


def peek(frame: bytes) -> Passing:
    """Return what is to be known of a frame.

    Args:
        frame: JSON in UTF-8.

    Raises:
        msgspec.DecodeError: It is no event.
    """
    with _unreadable_is_no_event():
        if not frame.isascii():
            frame.decode()  # nobody else looks at what passes by, and the client could not read it
        return _decoder.decode(frame)


def outcome(passing: Passing) -> Outcome:
    """Return what is to be known of a frame's response.

    Raises:
        msgspec.DecodeError: There is none in it.
    """
    with _unreadable_is_no_event():
        return msgspec.json.decode(passing.response, type=Outcome)


def decoded(raw: Raw) -> dict[str, Any]:
    """Return the object in a part of a frame.

    Raises:
        msgspec.DecodeError: There is none.
    """
    with _unreadable_is_no_event():
        return msgspec.json.decode(raw, type=dict[str, Any])


@contextmanager
def _unreadable_is_no_event() -> Iterator[None]:
    """Take what cannot be read at all for what is no event.

    Raises:
        msgspec.DecodeError: It is no UTF-8, or nested too deeply.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        message = f"it is no UTF-8: {error.reason}"
        raise msgspec.DecodeError(message) from error
    except RecursionError as error:
        message = "it is nested too deeply"
        raise msgspec.DecodeError(message) from error
