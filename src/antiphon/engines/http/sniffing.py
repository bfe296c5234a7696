"""What an answer is that should be sound, by its content type and its first bytes.

Servers answer 200 with pages, errors and MP3. All of these could be played as samples, as noise.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["is_undecided", "misfit_of", "misfit_of_type"]

_FOREIGN_TYPES = frozenset(
    {
        *("application/json", "application/problem+json", "application/xml"),
        *("audio/aac", "audio/flac", "audio/mp3", "audio/mp4", "audio/mpeg", "audio/ogg"),
        *("audio/opus", "audio/webm", "audio/x-flac"),
    }
)

_BEGINNINGS = {
    b"ID3": "MP3",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
}

_MP3_FRAME = re.compile(rb"\xff[\xf2\xf3\xfa\xfb][\x10-\xef][\x00-\x7f\xc0-\xcf]")
"""Layer III, a bitrate that there is, and an extension in joint stereo only. As samples it would be
a jump that speech does not begin with; two bytes alone could be quiet samples."""

_TEXT_BYTES = 16
"""So many that are text throughout are no samples: eight in a row as loud as a shout."""

_WHITESPACE = str.maketrans("", "", "\t\n\r")


def is_undecided(head: bytes) -> bool:
    """Whether more has to come before anything can be said of an answer.

    Args:
        head: What has come of it.
    """
    return len(head) < 4 or (len(head) < _TEXT_BYTES and _is_text(head))


def misfit_of(head: bytes) -> str | None:
    """Return what an answer holds that is not PCM; ``None`` if it may well be.

    Args:
        head: Its first bytes, after which it is decided.
    """
    for beginning, name in _BEGINNINGS.items():
        if head.startswith(beginning):
            return _instead(name)
    if _MP3_FRAME.match(head):
        return _instead("MP3")
    return _instead("text") if _is_text(head[:_TEXT_BYTES]) else None


def misfit_of_type(content_type: str, rate_hz: int) -> str | None:
    """Return what a content type tells of that is not mono PCM at a rate; ``None`` if nothing.

    Args:
        content_type: As the server has it, such as ``audio/pcm; rate=16000``; empty without one.
        rate_hz: The sample rate that is expected.
    """
    kind, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if kind in _FOREIGN_TYPES or kind.startswith("text/"):
        return _instead(kind)
    for parameter in parameters:
        name, _, quoted = parameter.partition("=")
        value = quoted.strip('" ')
        if not value.isdecimal():
            continue
        if name == "rate" and int(value) != rate_hz:
            return f"audio at {value} Hz; set the option rate_hz, which is {rate_hz}"
        if name == "channels" and int(value) != 1:
            return f"audio of {value} channels; need mono"
    return None


def _instead(kind: str) -> str:
    return f"{kind} in place of PCM16 or WAV"


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # its end may be cut
    except UnicodeDecodeError:
        return False
    return text.translate(_WHITESPACE).isprintable()
