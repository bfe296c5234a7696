"""``docs/limits.md`` says of each bound what the code says. That each one holds is tested there."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from antiphon.audio.ffmpeg_decoder import MOST_MEMORY_BYTES, MOST_PROCESSOR_S
from antiphon.audio.files import MAX_FILE_S
from antiphon.config import Config, Limits
from antiphon.core.conversation import MAX_CLIENT_BYTES, MAX_ITEMS
from antiphon.core.images import MAX_IMAGE_BYTES
from antiphon.core.mcp.calls import MAX_CALLS
from antiphon.core.mcp.policy import MAX_SERVERS
from antiphon.core.mcp.servers import MAX_TOOLS as MAX_TOOLS_OF_SERVER
from antiphon.core.responses import MAX_RUNNING
from antiphon.core.session import MAX_DEFERRED
from antiphon.core.transcripts import MAX_PENDING, MAX_PENDING_S
from antiphon.http.bodies import MAX_BODY_BYTES
from antiphon.http.client_secrets import MAX_SECRET_CHARS
from antiphon.http.connections import BODY_S, HEAD_S, MAX_HEAD_BYTES
from antiphon.http.forms import MAX_UPLOAD_BYTES
from antiphon.http.keepalive import MAX_FRAGMENTS
from antiphon.http.safe_headers import MAX_HEADERS
from antiphon.http.server import PONG_S, UNREAD_S
from antiphon.runtime.calls import MAX_LISTENERS
from antiphon.runtime.listen import MAX_HELD_S
from antiphon.runtime.mcp.client import MAX_BODY_BYTES as MAX_MCP_BYTES
from antiphon.runtime.outbox import HARD_BOUND_BYTES
from antiphon.runtime.recordings import KEPT_BYTES
from antiphon.transports.webrtc.answer import MAX_RECEIVED_MESSAGE_BYTES
from antiphon.transports.webrtc.offer import MAX_OFFER_CHARS
from antiphon.transports.websocket import MAX_FRAME_BYTES
from antiphon.wire import sizes
from antiphon.wire.fields import MAX_EVENT_ID_CHARS
from antiphon.wire.rest import ClientSecretRequest
from antiphon.wire.schema import json_schema
from antiphon.wire.speech import MAX_INPUT_CHARS

PAGE = (Path(__file__).parents[1] / "docs" / "limits.md").read_text()
DEFAULTS = Config(home=Path("unused"))

NUMBERS = {
    "sessions, and requests for audio, at once (`max_sessions`)": DEFAULTS.max_sessions,
    "connections that are no sessions (`max_connections`)": DEFAULTS.max_connections,
    "bytes of a request before its body": MAX_HEAD_BYTES,
    "seconds until the head of a request has come": round(HEAD_S),
    "seconds until its body has, and one more for each 500 bytes": round(BODY_S),
    "seconds in which a client reads nothing of what waits for it (on Linux)": round(UNREAD_S),
    "headers of a request": MAX_HEADERS,
    "bytes of a body of JSON, or of an offer": MAX_BODY_BYTES,
    "bytes of an uploaded file": MAX_UPLOAD_BYTES,
    "seconds of an uploaded file": MAX_FILE_S,
    "bytes of memory in which a recording (WebM, MP4, AAC) is decoded": MOST_MEMORY_BYTES,
    "seconds of processor time for that": MOST_PROCESSOR_S,
    "characters of a text to speak": MAX_INPUT_CHARS,
    "characters of an offer": MAX_OFFER_CHARS,
    "characters of a client secret": MAX_SECRET_CHARS,
    "seconds that a client secret may last": 7200,
    "connections attached to a call": MAX_LISTENERS,
    "seconds that it lasts (`max_session_s`)": round(DEFAULTS.max_session_s),
    "bytes of a frame": MAX_FRAME_BYTES,
    "frames that a message may come in": MAX_FRAGMENTS,
    "seconds that the answer to a ping may take": round(PONG_S),
    "bytes of a message in a call": MAX_RECEIVED_MESSAGE_BYTES,
    "bytes that wait for a client that reads too slowly": HARD_BOUND_BYTES,
    "seconds of audio in the input buffer": MAX_HELD_S,
    "bytes of audio in one event": sizes.MAX_APPEND_BYTES,
    "audio items whose words are being found out": MAX_PENDING,
    "seconds of audio that these have together": round(MAX_PENDING_S),
    "bytes of recordings that are kept": KEPT_BYTES,
    "items of the conversation": MAX_ITEMS,
    "bytes of text and images that the client has created": MAX_CLIENT_BYTES,
    "responses at once": MAX_RUNNING,
    "function outputs that wait for a response": MAX_DEFERRED,
    "MCP servers": MAX_SERVERS,
    "bytes of an answer of an MCP server, or of one of its events": MAX_MCP_BYTES,
    "tools of one MCP server": MAX_TOOLS_OF_SERVER,
    "MCP calls under way": MAX_CALLS,
    "characters of instructions": sizes.MAX_INSTRUCTIONS_CHARS,
    "tools": sizes.MAX_TOOLS,
    "characters of the name of a function": sizes.MAX_FUNCTION_NAME_CHARS,
    "bytes of the parameters of a function": sizes.MAX_SCHEMA_BYTES,
    "bytes of all settings in one event": sizes.MAX_SETTINGS_BYTES,
    "characters of a text, of arguments, of an output": sizes.MAX_TEXT_CHARS,
    "parts of a message": sizes.MAX_PARTS,
    "bytes of images in one item": MAX_IMAGE_BYTES,
    "items of a response's own input": sizes.MAX_INPUT_ITEMS,
    "pairs of metadata": 16,
    "characters of an event's id": MAX_EVENT_ID_CHARS,
}


def numbers_on_the_page() -> dict[str, int]:
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| [^|]+ \|$", PAGE, re.MULTILINE)
    return {what: int(number) for what, number in rows}


def test_the_page_has_each_bound_as_it_is():
    assert numbers_on_the_page() == NUMBERS


def test_the_page_has_every_limit_of_a_key():
    for field in Limits.__struct_fields__:
        assert f"| `{field}` |" in PAGE


def test_an_idle_session_lasts_as_long_as_any_other_by_default():
    assert DEFAULTS.session_idle_s == 0
    assert "(`session_idle_s`) | 0: as long as any other |" in PAGE


@pytest.mark.parametrize(("seconds", "fits"), [(7200, True), (7201, False)])
def test_a_client_secret_lasts_no_longer(seconds, fits):
    body = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
    try:
        msgspec.convert(body, ClientSecretRequest)
    except msgspec.ValidationError:
        assert not fits
    else:
        assert fits


def test_the_schema_that_is_published_has_the_bounds_as_well():
    published = str(json_schema("RealtimeSessionUpdate"))
    assert f"'maxLength': {sizes.MAX_INSTRUCTIONS_CHARS}" in published
    assert f"'maxItems': {sizes.MAX_TOOLS}" in published
