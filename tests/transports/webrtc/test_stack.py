"""What is used of aiortc beyond what it promises: these fail before calls do."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable

import anyio
import anyio.lowlevel
import pytest
from aiortc import RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    Chunk,
    DataChunk,
    InitChunk,
    SackChunk,
    serialize_packet,
)

from antiphon.transports.webrtc.stack import (
    MAX_HELD_CHUNKS,
    MAX_STREAMS,
    EventTransport,
    SpeechTransport,
    at_once,
)
from tests.support.webrtc import calling


@pytest.mark.parametrize(
    ("ours", "theirs", "names"),
    [
        (SpeechTransport, RTCDtlsTransport, ["_handle_rtp_data", "_handle_rtcp_data"]),
        (EventTransport, RTCSctpTransport, ["_handle_data", "_send_chunk", "_receive_sack_chunk"]),
    ],
)
def test_what_is_replaced_is_still_called_like_that(ours, theirs, names):
    for name in names:
        replaced = inspect.signature(getattr(theirs, name))
        assert list(inspect.signature(getattr(ours, name)).parameters) == list(replaced.parameters)


async def test_what_never_waits_runs_at_once():
    done = []

    async def sending() -> None:
        done.append(1)

    at_once(sending())
    assert done == [1]


async def test_what_waits_after_all_is_a_mistake():
    async def waiting() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits"):
        at_once(waiting())


async def test_a_refused_datagram_is_told():
    async def refused() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        at_once(refused())


# --- clients that break the rules -----------------------------------------------------------------


class Together(Chunk):
    """Chunks in one datagram."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        super().__init__()
        self._chunks = tuple(chunks)

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes, self._chunks))


def data(tsn_ahead: int, stream: int = 0, *, size: int = 0):
    """A piece of a message, so far ahead of what was sent last, that is never completed."""

    def write(sctp: RTCSctpTransport) -> Chunk:
        chunk = DataChunk(flags=SCTP_DATA_FIRST_FRAG)
        chunk.tsn = (sctp._local_tsn + tsn_ahead) % 2**32
        chunk.stream_id, chunk.stream_seq, chunk.protocol = stream, 0, 51
        chunk.user_data = bytes(size)
        return chunk

    return write


def acknowledging_at_length(sctp: RTCSctpTransport) -> Chunk:
    chunk = SackChunk()
    chunk.cumulative_tsn = sctp._last_received_tsn
    chunk.advertised_rwnd = 0
    chunk.gaps = [(1, 0xFFFF)] * 200
    return chunk


def beginning_anew_in_company(_sctp: RTCSctpTransport) -> Chunk:
    chunk = InitChunk()
    chunk.initiate_tag = chunk.advertised_rwnd = chunk.initial_tsn = 1
    chunk.outbound_streams = chunk.inbound_streams = 1
    return chunk


@pytest.mark.parametrize(
    ("per_datagram", "chunks"),
    [
        (1, [acknowledging_at_length]),
        (2, [beginning_anew_in_company, beginning_anew_in_company]),
        (20, [data(2 * n + 2) for n in range(MAX_HELD_CHUNKS + 50)]),
        (20, [data(n, size=1) for n in range(MAX_HELD_CHUNKS + 50)]),
        (1, [data(n, size=1_100) for n in range(1_000)]),
        (20, [data(n, stream=n) for n in range(MAX_STREAMS + 50)]),
    ],
    ids=["acknowledgements", "broken", "gaps", "tiny pieces", "large pieces", "streams"],
)
async def test_a_client_that_would_keep_the_server_busy_is_given_up(per_datagram, chunks):
    async with calling() as call:
        sctp = call.caller.connection.sctp
        assert sctp is not None
        for start in range(0, len(chunks), per_datagram):
            together = Together(write(sctp) for write in chunks[start : start + per_datagram])
            packet = serialize_packet(5000, 5000, sctp._remote_verification_tag, together)
            await sctp.transport._send_data(packet)
            await anyio.lowlevel.checkpoint()
            if call.heard.reasons:
                break
        with anyio.fail_after(5):
            await call.heard.until(lambda: call.heard.reasons != [])
    assert call.heard.reasons == ["the client closed the connection"]
