"""Finds the WebRTC stack, an extra: servers without calls need neither it nor its memory."""

from __future__ import annotations

from functools import partial

import anyio

from antiphon.config import WebRtcChoice
from antiphon.errors import RequestError
from antiphon.transports.webrtc.peer import PeerFactory

__all__ = ["load_peers"]


async def load_peers(choice: WebRtcChoice, *, with_loopback: bool) -> PeerFactory:
    """Return what makes the server's end of calls.

    Args:
        choice: How clients reach the server.
        with_loopback: Whether clients of this machine are served on 127.0.0.1 as well.

    Raises:
        RequestError: ``not_implemented``: it is not installed.
    """
    # On a thread, since it takes half a second, in which other sessions go on.
    return await anyio.to_thread.run_sync(partial(_import, choice, with_loopback=with_loopback))


def _import(choice: WebRtcChoice, *, with_loopback: bool) -> PeerFactory:
    try:
        from antiphon.transports.webrtc.aiortc_peer import aiortc_peers  # noqa: PLC0415 (an extra)
        from antiphon.transports.webrtc.ice import IceSettings  # noqa: PLC0415 (of the same)
    except ImportError as error:
        message = (
            f"The server takes no calls over WebRTC: {error}. Install it with "
            "pip install 'antiphon[webrtc]', or connect to /v1/realtime over a WebSocket."
        )
        raise RequestError(message, code="not_implemented") from error
    ports = choice.udp_ports
    settings = IceSettings(
        public_address=choice.public_address,
        ports=None if ports is None else (ports.first, ports.last),
        with_loopback=with_loopback,
    )
    return aiortc_peers(settings)
