"""The sound that comes in: put in order, what was lost made up for, gaps filled.

Nobody listens to this sound at a steady pace: it goes to a detector and a transcriber, which take
it as fast as it comes. So there is no buffer that plays it out. What comes in order is passed on
at once, without delay; only where a packet is missing, those after it wait, until it comes or is
given up. How long that takes is learned from how unevenly packets arrive.

Where nothing comes at all, because the client sends nothing while nobody speaks or because the
network stands still, silence is passed on after a while: otherwise turns would never end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.transports.webrtc.encodings import Decoder, Encoding
from antiphon.transports.webrtc.peer import Packets
from antiphon.transports.webrtc.rtp import RtpPacket, rtp_steps

__all__ = ["MAX_HELD_PACKETS", "MAX_WAIT_S", "MIN_WAIT_S", "SILENT_AFTER_S", "Incoming"]

MIN_WAIT_S = 0.02
"""A missing packet is waited for at least this long: that of the next one."""

MAX_WAIT_S = 0.1
"""… and at most this long."""

_WAIT_PER_JITTER = 3.0
"""… otherwise for this many times the mean unevenness. With delays that are spread evenly, 3 times
is as late as any packet comes."""

MAX_HELD_PACKETS = 50
"""Packets that wait for a missing one, at most, a second of them; a jump beyond is a new start."""

SILENT_AFTER_S = 0.2
"""With nothing coming for so long, silence is passed on."""

_MAX_GAP_S = 1.0
"""Longest gap that is filled when the next packet tells of it; longer ones were filled before."""

_SMOOTHING = 1 / 16  # RFC 3550, section 6.4.1


class Incoming:
    """One stream of packets, of one encoding.

    It has no clock of its own: whoever holds it says what time it is, on a monotonic clock.
    """

    def __init__(
        self,
        encoding: Encoding,
        take: Callable[[Floats], None],
        packets: Packets,
        *,
        first_s: float,
    ) -> None:
        """Begin a stream.

        Args:
            encoding: How it is encoded.
            take: Takes the sound: shape (n,), float32 at ``LISTENING_RATE_HZ``.
            packets: Where is counted what becomes of them.
            first_s: When its first packet came.
        """
        self._packets = packets
        self._clock_hz = encoding.clock_hz
        self._decoder: Decoder = encoding.decoder()
        self._take = take
        self._held: dict[int, tuple[RtpPacket, float]] = {}
        self._next_sequence: int | None = None
        self._next_timestamp = 0
        self._filled_s = 0.0
        self._passed_until_s = first_s
        self._last_transit_s: float | None = None
        self._jitter_s = 0.0

    @property
    def jitter(self) -> int:
        """How unevenly packets arrive, in units of the encoding's clock: RFC 3550, 6.4.1."""
        return round(self._jitter_s * self._clock_hz)

    @property
    def wait_s(self) -> float:
        """How long a missing packet is waited for, at present."""
        return min(max(_WAIT_PER_JITTER * self._jitter_s, MIN_WAIT_S), MAX_WAIT_S)

    def push(self, packet: RtpPacket, now_s: float) -> None:
        """Take the packet that came now."""
        self._measure(packet, now_s)
        if self._next_sequence is None:
            self._start(packet)
        steps = rtp_steps(self._expected(), packet.sequence, bits=16)
        if abs(steps) > MAX_HELD_PACKETS:
            self._pass_all(now_s)
            self._start(packet)
        elif steps < 0 or packet.sequence in self._held:
            self._packets.late += 1
            return
        self._held[packet.sequence] = packet, now_s
        self.advance(now_s)

    def advance(self, now_s: float) -> None:
        """Pass on what is due: to be called every 20 ms or so, and after each packet."""
        while self._held:
            if self._expected() in self._held:
                self._pass_next(now_s)
            elif now_s - min(since_s for _, since_s in self._held.values()) >= self.wait_s:
                self._pass_over_gap(now_s)
            else:
                return
        silent_s = now_s - self._passed_until_s - SILENT_AFTER_S
        if silent_s > 0 and self._next_sequence is not None:
            self._fill(silent_s)
            self._passed_until_s += silent_s

    def _expected(self) -> int:
        assert self._next_sequence is not None
        return self._next_sequence

    def _start(self, packet: RtpPacket) -> None:
        self._next_sequence = packet.sequence
        self._next_timestamp = packet.timestamp
        self._filled_s = 0.0

    def _measure(self, packet: RtpPacket, now_s: float) -> None:
        """Learn how unevenly packets arrive."""
        transit_s = now_s - packet.timestamp / self._clock_hz
        if self._last_transit_s is not None:
            difference_s = abs(transit_s - self._last_transit_s)
            if difference_s < 1:  # otherwise the timestamps have started again
                self._jitter_s += (difference_s - self._jitter_s) * _SMOOTHING
        self._last_transit_s = transit_s

    def _pass_all(self, now_s: float) -> None:
        while self._held:
            if self._expected() in self._held:
                self._pass_next(now_s)
            else:
                self._pass_over_gap(now_s)

    def _pass_next(self, now_s: float) -> None:
        """Pass on the packet whose turn it is."""
        packet, _ = self._held.pop(self._expected())
        self._fill_until(packet)
        try:
            duration_s = self._decoder.duration_s(packet.payload)
            samples = self._decoder.decode(packet.payload)
        except ValueError:
            self._packets.broken += 1
            duration_s = 0.0  # the next one's timestamp tells how much is missing
            samples = np.zeros(0, np.float32)
        else:
            self._packets.heard += 1
        self._next_sequence = (packet.sequence + 1) & 0xFFFF
        self._next_timestamp = packet.timestamp + round(duration_s * self._clock_hz)
        self._passed_until_s = now_s
        if len(samples):
            self._take(samples)

    def _fill_until(self, packet: RtpPacket) -> None:
        """Fill a pause in which the client sent nothing, as far as that has not been done."""
        pause_s = self._gap_s(packet)
        missing_s = min(pause_s, _MAX_GAP_S) - self._filled_s
        if missing_s > 0:
            self._fill(missing_s)
        self._filled_s = 0.0

    def _pass_over_gap(self, now_s: float) -> None:
        """Give up what is missing before the first packet that waits, and make up for it."""
        expected = self._expected()
        first = min(self._held, key=lambda sequence: rtp_steps(expected, sequence, bits=16))
        packet, _ = self._held[first]
        self._packets.lost += rtp_steps(expected, first, bits=16)
        missing_s = min(self._gap_s(packet), _MAX_GAP_S) - self._filled_s
        self._filled_s = 0.0
        if missing_s > 0:
            self._take(self._decoder.conceal(missing_s, packet.payload))
        self._next_sequence = first
        self._next_timestamp = packet.timestamp
        self._passed_until_s = now_s

    def _gap_s(self, packet: RtpPacket) -> float:
        """Return how much time lies between what was passed on and a packet."""
        steps = rtp_steps(self._next_timestamp & 0xFFFF_FFFF, packet.timestamp, bits=32)
        return steps / self._clock_hz

    def _fill(self, duration_s: float) -> None:
        self._filled_s += duration_s
        self._take(np.zeros(round(duration_s * LISTENING_RATE_HZ), np.float32))
