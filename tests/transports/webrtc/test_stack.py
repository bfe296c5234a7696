"""What is used of aiortc beyond what it promises: these fail before calls do."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from aiortc import RTCDtlsTransport, RTCSctpTransport

from antiphon.transports.webrtc.stack import EventTransport, SpeechTransport, at_once


@pytest.mark.parametrize(
    ("ours", "theirs", "names"),
    [
        (SpeechTransport, RTCDtlsTransport, ["_handle_rtp_data", "_handle_rtcp_data"]),
        (EventTransport, RTCSctpTransport, ["_send_chunk", "_receive_data_chunk"]),
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
