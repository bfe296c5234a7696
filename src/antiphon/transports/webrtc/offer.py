"""A client's offer: what a call needs of its SDP, checked.

SDP is RFC 8866; how WebRTC uses it is RFC 9429 (JSEP). Much of what browsers write there is of no
concern to a call of speech and events, and is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn

from antiphon.errors import RequestError
from antiphon.transports.webrtc.encodings import ENCODINGS, Encoding

__all__ = [
    "MAX_CANDIDATES",
    "MAX_OFFER_CHARS",
    "MAX_SECTIONS",
    "Direction",
    "Offer",
    "OfferedAudio",
    "OfferedEvents",
    "Setup",
    "parse_offer",
]

MAX_OFFER_CHARS = 65_536
"""Longer offers are refused. What browsers offer of audio and data has some thousands."""

MAX_SECTIONS = 16
"""Offers with more ``m=`` sections are refused. A call uses two."""

MAX_CANDIDATES = 16
"""Candidates that are tried; the others are ignored."""

_DEFAULT_MESSAGE_BYTES = 65_536  # what a client that says nothing takes: RFC 8841, section 6.1

_SECTION = re.compile(r"m=(\S{1,32}) (\d{1,5})(?:/\d+)? (\S{1,64})((?: \S{1,64})+)")
_FINGERPRINT = re.compile(r"(\S{1,16}) ((?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2})")
_CREDENTIAL = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839, section 5.4
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_RTPMAP = re.compile(r"(\d{1,3}) ([A-Za-z0-9._-]{1,32})/(\d{1,6})(?:/\d{1,2})?")
_MEDIA_ID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")  # a token: RFC 5888, section 4


class Direction(StrEnum):
    """Who sends, seen from the side that says so."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


class Setup(StrEnum):
    """Who begins the DTLS handshake, seen from the side that says so: RFC 8842, section 5.2."""

    EITHER = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"


@dataclass(frozen=True, slots=True)
class OfferedAudio:
    """The audio of an offer.

    Attributes:
        media_id: What the section is called (``a=mid``).
        direction: As the client sees it.
        encodings: What both sides know, by payload type, in the client's order.
    """

    media_id: str
    direction: Direction
    encodings: dict[int, Encoding]


@dataclass(frozen=True, slots=True)
class OfferedEvents:
    """The data channels of an offer.

    Attributes:
        media_id: What the section is called.
        port: The client's SCTP port.
        max_message_bytes: Longest message that the client takes; 0 for any.
    """

    media_id: str
    port: int
    max_message_bytes: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a call needs of an offer.

    Attributes:
        sections: All sections, as ``(kind, profile, formats, media id)``: each has to be answered.
        audio: The first section with audio.
        events: The section with data channels; ``None`` if there is none.
        username: The client's ICE user name fragment.
        password: … and password.
        fingerprints: Digests of its certificate, as ``(algorithm, digest)``.
        setup: Which side begins the DTLS handshake.
        candidates: Where it may be reached, as the values of ``a=candidate``.
    """

    sections: tuple[tuple[str, str, str, str], ...]
    audio: OfferedAudio
    events: OfferedEvents | None
    username: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: Setup
    candidates: tuple[str, ...]


@dataclass(slots=True)
class _Section:
    """The lines of a section, or of what stands before the first one."""

    kind: str = "session"
    profile: str = ""
    formats: str = ""
    rejected: bool = False
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> Iterator[str]:
        return (value for key, value in self.attributes if key == name)

    def value(self, name: str) -> str | None:
        return next(self.values(name), None)

    @property
    def media_id(self) -> str:
        return self.value("mid") or ""


def parse_offer(sdp: str) -> Offer:
    """Read an offer.

    Raises:
        RequestError: A call cannot be made of it (``invalid_offer``).
    """
    if len(sdp) > MAX_OFFER_CHARS:
        _refuse(f"it has {len(sdp)} characters, and the limit is {MAX_OFFER_CHARS}")
    session, sections = _split(sdp)
    audio = next((one for one in sections if one.kind == "audio" and not one.rejected), None)
    if audio is None:
        _refuse("it has no audio. Add a track or a transceiver for audio before you make it")
    events = next((one for one in sections if _carries_events(one)), None)
    used = [audio, events] if events else [audio]
    _check_transport(session, used)
    carrier = sections[min(sections.index(one) for one in used)]  # all use its transport: RFC 9143
    username = _found(session, carrier, "ice-ufrag")
    password = _found(session, carrier, "ice-pwd")
    if not (_CREDENTIAL.fullmatch(username) and _PASSWORD.fullmatch(password)):
        _refuse("its 'a=ice-ufrag' or 'a=ice-pwd' is missing or malformed")
    return Offer(
        sections=tuple((one.kind, one.profile, one.formats, one.media_id) for one in sections),
        audio=_audio(session, audio),
        events=_events(events) if events else None,
        username=username,
        password=password,
        fingerprints=_fingerprints(session, carrier),
        setup=_setup(session, carrier),
        candidates=tuple(carrier.values("candidate"))[:MAX_CANDIDATES],
    )


def _refuse(what: str) -> NoReturn:
    message = f"The SDP offer cannot be used: {what}."
    raise RequestError(message, code="invalid_offer", param="sdp")


def _split(sdp: str) -> tuple[_Section, list[_Section]]:
    lines = sdp.replace("\r\n", "\n").strip().split("\n")
    if lines[0] != "v=0":
        _refuse(f"it begins with {lines[0][:32]!r}, not with 'v=0'. Send the browser's offer as is")
    session = current = _Section()
    sections: list[_Section] = []
    for line in lines:
        if line.startswith("m="):
            found = _SECTION.fullmatch(line)
            if not found:
                _refuse(f"the line {line[:64]!r} is malformed")
            if len(sections) == MAX_SECTIONS:
                _refuse(f"it has more than {MAX_SECTIONS} 'm=' sections")
            kind, port, profile, formats = found.groups()
            current = _Section(kind, profile, formats.strip(), rejected=port == "0")
            sections.append(current)
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            current.attributes.append((name, value))
    for section in sections:
        # A port of 0 means that a section is refused, unless it shares another one's transport.
        section.rejected &= section.value("bundle-only") is None
        if section.media_id and not _MEDIA_ID.fullmatch(section.media_id):
            _refuse(f"the name {section.media_id[:64]!r} of a section ('a=mid') is malformed")
    return session, sections


def _carries_events(section: _Section) -> bool:
    return (
        section.kind == "application"
        and not section.rejected
        and section.formats == "webrtc-datachannel"
    )


def _check_transport(session: _Section, used: list[_Section]) -> None:
    """Check that all that is used can go over one transport."""
    if used[0].profile not in ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"):
        _refuse(f"its audio is {used[0].profile}; it has to be UDP/TLS/RTP/SAVPF, that is WebRTC")
    if used[0].value("rtcp-mux") is None:
        _refuse("its audio wants a port of its own for RTCP. Offer 'a=rtcp-mux'")
    bundled = next((group for group in session.values("group") if group.startswith("BUNDLE")), "")
    if len(used) > 1 and not {one.media_id for one in used} <= set(bundled.split()[1:]):
        _refuse("audio and data channel are not bundled. Offer 'a=group:BUNDLE' with both")


def _found(session: _Section, section: _Section, name: str) -> str:
    """Return an attribute of a section, or else of the session."""
    return section.value(name) or session.value(name) or ""


def _fingerprints(session: _Section, section: _Section) -> tuple[tuple[str, str], ...]:
    values = tuple(section.values("fingerprint")) or tuple(session.values("fingerprint"))
    found = [_FINGERPRINT.fullmatch(value.strip()) for value in values[:8]]
    fingerprints = tuple((one[1].lower(), one[2].upper()) for one in found if one)
    if not fingerprints or len(fingerprints) < len(values):
        _refuse("its 'a=fingerprint' is missing or malformed")
    return fingerprints


def _setup(session: _Section, section: _Section) -> Setup:
    setup = _found(session, section, "setup") or Setup.EITHER
    if setup not in list(Setup):
        _refuse(f"its 'a=setup' is {setup[:32]!r}; it has to be one of {', '.join(Setup)}")
    return Setup(setup)


def _audio(session: _Section, section: _Section) -> OfferedAudio:
    names = {one.static_payload_type: (one.name, one.clock_hz) for one in ENCODINGS}
    described = {payload_type: name for payload_type, name in names.items() if payload_type}
    described[0] = names[0]
    for value in section.values("rtpmap"):
        if found := _RTPMAP.fullmatch(value.strip()):
            described[int(found[1])] = found[2].lower(), int(found[3])
    known = {(one.name, one.clock_hz): one for one in ENCODINGS}
    encodings: dict[int, Encoding] = {}
    for written in section.formats.split():
        payload_type = int(written) if written.isdecimal() and len(written) <= 3 else -1
        encoding = known.get(described.get(payload_type, ("", 0)))
        if encoding and payload_type < 128 and encoding not in encodings.values():
            encodings[payload_type] = encoding
    if not encodings:
        offered = ", ".join(sorted({name for name, _ in described.values()}))[:200]
        _refuse(f"its audio is none of {', '.join(one.name for one in ENCODINGS)} (got: {offered})")
    named = [*section.attributes, *session.attributes]
    direction = next((name for name, _ in named if name in list(Direction)), Direction.SENDRECV)
    return OfferedAudio(section.media_id, Direction(direction), encodings)


def _events(section: _Section) -> OfferedEvents:
    port = section.value("sctp-port") or "5000"
    if not port.isdecimal() or not 0 < int(port[:6]) < 65_536:
        _refuse(f"its 'a=sctp-port' is {port[:32]!r}; it has to be 1 to 65535")
    limit = section.value("max-message-size") or str(_DEFAULT_MESSAGE_BYTES)
    if not limit.isdecimal() or len(limit) > 20:
        _refuse(f"its 'a=max-message-size' is {limit[:32]!r}; it has to be a number of bytes")
    return OfferedEvents(section.media_id, int(port), int(limit))
