"""Offers: what a call can be made of, and what cannot break anything."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import RequestError
from antiphon.transports.webrtc.answer import AnswerParts, write_answer
from antiphon.transports.webrtc.encodings import OPUS, PCMA, PCMU
from antiphon.transports.webrtc.offer import MAX_CANDIDATES, MAX_OFFER_CHARS, Setup, parse_offer

TRANSPORT = (
    "a=ice-ufrag:4ZcD\r\n"
    "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlTz\r\n"
    f"a=fingerprint:sha-256 {':'.join(['7B'] * 32)}\r\n"
    "a=setup:actpass\r\n"
)
SESSION = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host\r\n"
    f"{TRANSPORT}"
    "a=mid:0\r\na=sendrecv\r\na=msid:- 6e0c\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:126 telephone-event/8000\r\n"
)
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"
    f"{TRANSPORT}a=mid:v\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
)
EVENTS = (
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
    f"{TRANSPORT}a=mid:1\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
)
OFFER = f"{SESSION}a=group:BUNDLE 0 1\r\n{AUDIO}{EVENTS}"
PARTS = AnswerParts(
    session_number=7,
    source=99,
    username="abcd",
    password="b" * 22,
    fingerprint="AA:BB",
    setup=Setup.ACTIVE,
    candidates=["1 1 udp 2130706431 192.0.2.1 40000 typ host"],
)


def without(line: str) -> str:
    return re.sub(rf"{line}[^\r]*\r\n", "", OFFER)


def test_what_a_browser_offers():
    offer = parse_offer(OFFER)
    assert offer.audio.encodings == {111: OPUS, 0: PCMU, 8: PCMA}
    assert offer.audio.direction == "sendrecv"
    assert offer.events is not None
    assert (offer.events.port, offer.events.max_message_bytes) == (5000, 262_144)
    assert (offer.username, offer.password) == ("4ZcD", "2/1muCWoOi3uLifh0NuRHlTz")
    assert offer.fingerprints == (("sha-256", ":".join(["7B"] * 32)),)
    assert offer.setup == "actpass"
    assert offer.candidates == ("1 1 udp 2122260223 192.0.2.7 54321 typ host",)


def test_the_client_s_order_of_encodings_decides():
    offer = parse_offer(OFFER.replace("SAVPF 111 63 9 0 8", "SAVPF 8 0 111"))
    assert list(offer.audio.encodings.values()) == [PCMA, PCMU, OPUS]


def test_what_holds_for_all_sections_may_stand_before_them():
    offer = parse_offer(
        f"{SESSION}{TRANSPORT}a=group:BUNDLE 0 1\r\n"
        + AUDIO.replace(TRANSPORT, "")
        + EVENTS.replace(TRANSPORT, "")
    )
    assert offer == parse_offer(OFFER.replace(TRANSPORT, TRANSPORT, 1))


def test_lines_may_end_without_a_carriage_return():
    assert parse_offer(OFFER.replace("\r\n", "\n")) == parse_offer(OFFER)


def test_an_offer_without_events_is_a_call_of_audio():
    assert parse_offer(SESSION + AUDIO).events is None


def test_a_section_without_a_name_is_answered_without_one():
    offer = parse_offer(SESSION + AUDIO.replace("a=mid:0\r\n", ""))
    answer = write_answer(offer, PARTS)
    assert "m=audio 9" in answer
    assert "a=mid" not in answer
    assert "BUNDLE" not in answer


def test_no_more_candidates_are_tried_than_the_limit():
    line = "a=candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host\r\n"
    offer = parse_offer(OFFER.replace(line, line * 100))
    assert len(offer.candidates) == MAX_CANDIDATES


@pytest.mark.parametrize(
    ("sdp", "said"),
    {
        "nothing": ("", "not with 'v=0'"),
        "JSON": ('{"type": "offer"}', "not with 'v=0'"),
        "too long": (OFFER + "a=x\r\n" * MAX_OFFER_CHARS, f"the limit is {MAX_OFFER_CHARS}"),
        "no audio": (f"{SESSION}{EVENTS}", "it has no audio"),
        "refused audio": (OFFER.replace("m=audio 9", "m=audio 0"), "it has no audio"),
        "too many sections": (OFFER + VIDEO * 20, "more than 16 'm=' sections"),
        "malformed section": (OFFER + "m=audio\r\n", "the line 'm=audio' is malformed"),
        "no user name": (without("a=ice-ufrag"), "'a=ice-ufrag' or 'a=ice-pwd'"),
        "short password": (
            OFFER.replace("2/1muCWoOi3uLifh0NuRHlTz", "short"),
            "'a=ice-ufrag' or 'a=ice-pwd'",
        ),
        "no fingerprint": (without("a=fingerprint"), "'a=fingerprint' is missing"),
        "bad fingerprint": (OFFER.replace("7B:7B", "7B:XX"), "'a=fingerprint' is missing"),
        "bad setup": (OFFER.replace("actpass", "holdconn"), "'a=setup' is 'holdconn'"),
        "RTP without encryption": (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "is RTP/AVP"),
        "a port for RTCP": (without("a=rtcp-mux"), "Offer 'a=rtcp-mux'"),
        "not bundled": (without("a=group"), "Offer 'a=group:BUNDLE'"),
        "other encodings": (OFFER.replace("111 63 9 0 8 13 110 126", "9 63"), "none of opus"),
        "bad port": (OFFER.replace("sctp-port:5000", "sctp-port:0"), "'a=sctp-port' is '0'"),
        "bad limit": (OFFER.replace("262144", "many"), "'a=max-message-size' is 'many'"),
        "bad name": (OFFER.replace("a=mid:0", "a=mid:a b"), "'a=mid'"),
    }.values(),
)
def test_what_no_call_can_be_made_of_is_refused(sdp, said):
    with pytest.raises(RequestError) as refusal:
        parse_offer(sdp)
    assert said in refusal.value.message
    assert refusal.value.code == "invalid_offer"
    assert len(refusal.value.message) < 500


def test_the_answer_answers_every_section_in_its_place():
    offer = parse_offer(f"{SESSION}a=group:BUNDLE v 0 1\r\n{VIDEO}{AUDIO}{EVENTS}")
    sections = re.findall(r"m=(\S+) (\d+)", write_answer(offer, PARTS))
    assert sections == [("video", "0"), ("audio", "9"), ("application", "9")]


def test_sections_without_names_are_told_apart_by_what_they_are():
    nameless = re.sub(r"a=mid:[^\r]*\r\n", "", f"{SESSION}{VIDEO}{AUDIO}{AUDIO}")
    answer = write_answer(parse_offer(nameless), PARTS)
    assert re.findall(r"m=(\S+) (\d+)", answer) == [("video", "0"), ("audio", "9"), ("audio", "0")]


def test_the_answer_to_a_browser():
    lines = write_answer(parse_offer(OFFER), PARTS).split("\r\n")
    assert "a=group:BUNDLE 0 1" in lines
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8" in lines
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in lines
    assert "a=sendrecv" in lines
    assert "a=rtcp-mux" in lines
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel" in lines
    assert lines.count("a=setup:active") == 2
    assert "a=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host" in lines
    assert lines[-1] == ""


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_directions_are_answered_from_the_other_side(offered, answered):
    offer = parse_offer(OFFER.replace("a=sendrecv", f"a={offered}"))
    assert f"a={answered}\r\n" in write_answer(offer, PARTS)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_offers_are_understood_or_refused(data):
    lines = OFFER.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "cut", "noise", "move"])):
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[at])
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, 20))]
            case "noise":
                lines[at] += data.draw(st.text(max_size=8))
            case "move":
                lines.insert(data.draw(st.integers(0, len(lines))), lines.pop(at))
    try:
        offer = parse_offer("\r\n".join(lines))
    except RequestError:
        return
    answer = write_answer(offer, PARTS)
    assert answer.count("\r\nm=") == len(offer.sections)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_refused(text):
    with pytest.raises(RequestError):
        parse_offer(text)


@pytest.mark.parametrize(
    "line",
    ["a=rtpmap:111 opus/48000/2", "a=candidate:1", "m=x 0 y z", "a=mid:0", "a=group:BUNDLE 0"],
)
def test_the_longest_offer_takes_little_time(line):
    lines = f"{line}\r\n" * ((MAX_OFFER_CHARS - len(OFFER)) // (len(line) + 2))
    started_s = time.process_time()
    with contextlib.suppress(RequestError):
        parse_offer(OFFER + lines)
    assert time.process_time() - started_s < 0.5
