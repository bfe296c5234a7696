"""What a call needs of a WebRTC stack, and what the stack tells of it.

This is all that the rest of Antiphon knows of WebRTC. :mod:`antiphon.transports.webrtc.aiortc_peer`
is one implementation; another stack replaces it by two classes that fit these protocols.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from antiphon.engines.base import Floats

__all__ = [
    "EVENT_CHANNEL",
    "FRAME_BYTES",
    "FRAME_MS",
    "FRAME_RATE_HZ",
    "MAX_MESSAGE_BYTES",
    "Packets",
    "Peer",
    "PeerEvents",
    "PeerFactory",
]

EVENT_CHANNEL = "oai-events"
"""Label of the data channel that carries the events; clients open it, by the hosted protocol."""

FRAME_MS = 20
"""Length of the frames that are sent: what every browser's Opus uses, too."""

FRAME_RATE_HZ = 24_000
"""Sample rate of the frames that are sent: that of the hosted protocol's PCM."""

FRAME_BYTES = FRAME_RATE_HZ * FRAME_MS // 1000 * 2
"""Size of a frame that is sent: 960 bytes of 16-bit samples, 20 ms."""

MAX_MESSAGE_BYTES = 65_536
"""Longest message, in UTF-8, that any peer takes: what RFC 8841, section 6.1, has peers assume of
each other that say nothing of it. Browsers and aiortc allow 262 144."""


class Packets(Struct):
    """What became of the packets with a client's sound.

    Attributes:
        heard: Those that came, and were passed on.
        lost: Those that did not come in time, and were made up for.
        late: Those that came after that, or twice, and were dropped.
        broken: Those that could not be decoded, and were made up for.
    """

    heard: int = 0
    lost: int = 0
    late: int = 0
    broken: int = 0


class Peer(Protocol):
    """The server's end of one call. All of it is used from the event loop."""

    @property
    def packets(self) -> Packets:
        """What has become of the client's sound so far."""
        ...

    async def answer(self, offer_sdp: str) -> str:
        """Agree on media with the client, and begin to connect.

        Called once, before anything else. The connection is made in the background; until it is
        there, audio is discarded and messages are held.

        Args:
            offer_sdp: The client's offer, with its candidates if it has any.

        Returns:
            The answer, with all candidates inline: there is no trickling.

        Raises:
            RequestError: The offer cannot be used (``invalid_offer``). The peer is closed then,
                which ``on_closed`` does not tell.
        """
        ...

    def send_audio(self, frame: bytes) -> None:
        """Encode and send a frame at once; nothing is queued, and nothing fails.

        Args:
            frame: 20 ms of PCM, :data:`FRAME_BYTES` bytes: mono, 16 bits, little-endian, 24 kHz.
                Called once for every 20 ms that pass, with silence while there is nothing to say.
        """
        ...

    def send_message(self, text: str) -> None:
        """Send a message on the channel :data:`EVENT_CHANNEL`.

        Messages are held until the client has opened the channel. One that is longer than the
        client takes is dropped and logged: keep them within :data:`MAX_MESSAGE_BYTES`. A client
        that does not take what waits for it is closed.
        """
        ...

    async def aclose(self) -> None:
        """Take leave of the client. Safe to call at any time, and again."""
        ...


class PeerEvents(Protocol):
    """What a peer tells, on the event loop. Nothing that these methods raise is expected."""

    def on_audio(self, samples: Floats) -> None:
        """Take what the client said next.

        Args:
            samples: Shape (n,), float32 at 16 kHz (``LISTENING_RATE_HZ``), 20 ms or more. In
                order and without gaps: what was lost on the way has been concealed.
        """
        ...

    def on_message(self, text: str) -> None:
        """Take a message of the client's, from the channel :data:`EVENT_CHANNEL`."""
        ...

    def on_closed(self, reason: str) -> None:
        """The call is over, however it ended. Told last, and exactly once if it was answered.

        Args:
            reason: For the log, for example ``the client closed the connection``.
        """
        ...


PeerFactory = Callable[[PeerEvents], Peer]
"""Makes the server's end of a call that has not been answered yet."""
