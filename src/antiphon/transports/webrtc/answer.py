"""The answer to an offer, in SDP: one transport, one track of speech, one place for channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.transports.webrtc.offer import Direction, Offer, Setup

__all__ = ["MAX_RECEIVED_MESSAGE_BYTES", "STREAM", "AnswerParts", "write_answer"]

MAX_RECEIVED_MESSAGE_BYTES = 262_144
"""Longest message that is taken from clients, on a data channel: the limit that browsers have."""

STREAM = "antiphon"
"""What the stream that is sent is called, and its sender (CNAME)."""

_TRACK = "speech"

_ANSWERED_DIRECTIONS = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}


@dataclass(frozen=True, slots=True)
class AnswerParts:
    """What the server brings to an answer.

    Attributes:
        session_number: Of 62 bits, anew for each call: RFC 9429, section 5.2.1.
        source: The stream that it sends (SSRC).
        username: Its ICE user name fragment.
        password: … and password.
        fingerprint: SHA-256 of its certificate, in hexadecimal with colons.
        setup: Whether it begins the DTLS handshake.
        candidates: Where it can be reached, as the values of ``a=candidate``.
    """

    session_number: int
    source: int
    username: str
    password: str
    fingerprint: str
    setup: Setup
    candidates: Sequence[str]


def write_answer(offer: Offer, parts: AnswerParts) -> str:
    """Write the answer. Sections of the offer that a call has no use for are refused."""
    # By their kind, too: without bundling, sections need no names.
    used = {("audio", offer.audio.media_id)}
    if offer.events is not None:
        used.add(("application", offer.events.media_id))
    bundled = [name for kind, _, _, name in offer.sections if name and (kind, name) in used]
    lines = [
        "v=0",
        f"o=- {parts.session_number} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        *([f"a=group:BUNDLE {' '.join(bundled)}"] if bundled else []),
        f"a=msid-semantic: WMS {STREAM}",
    ]
    answered: set[tuple[str, str]] = set()
    for kind, profile, formats, media_id in offer.sections:
        section = kind, media_id
        if section not in used or section in answered:
            lines += [f"m={kind} 0 {profile} {formats}", "c=IN IP4 0.0.0.0"]
            lines += [*_name(media_id), "a=inactive"]
            continue
        answered.add(section)
        if kind == "audio":
            lines += _audio(offer, profile, parts)
        else:
            lines += _events(profile, media_id)
        lines += _transport(parts)
    return "".join(f"{line}\r\n" for line in lines)


def _audio(offer: Offer, profile: str, parts: AnswerParts) -> list[str]:
    encodings = offer.audio.encodings
    lines = [
        f"m=audio 9 {profile} {' '.join(map(str, encodings))}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        *_name(offer.audio.media_id),
        f"a={_ANSWERED_DIRECTIONS[offer.audio.direction]}",
        f"a=msid:{STREAM} {_TRACK}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    for payload_type, encoding in encodings.items():
        lines.append(f"a=rtpmap:{payload_type} {encoding.rtpmap}")
        if encoding.parameters:
            lines.append(f"a=fmtp:{payload_type} {encoding.parameters}")
    return [*lines, f"a=ssrc:{parts.source} cname:{STREAM}"]


def _events(profile: str, media_id: str) -> list[str]:
    return [
        f"m=application 9 {profile} webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        *_name(media_id),
        "a=sctp-port:5000",
        f"a=max-message-size:{MAX_RECEIVED_MESSAGE_BYTES}",
    ]


def _name(media_id: str) -> list[str]:
    return [f"a=mid:{media_id}"] if media_id else []


def _transport(parts: AnswerParts) -> list[str]:
    return [
        *(f"a=candidate:{candidate}" for candidate in parts.candidates),
        "a=end-of-candidates",
        f"a=ice-ufrag:{parts.username}",
        f"a=ice-pwd:{parts.password}",
        f"a=fingerprint:sha-256 {parts.fingerprint}",
        f"a=setup:{parts.setup}",
    ]
