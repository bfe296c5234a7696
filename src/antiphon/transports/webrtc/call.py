"""A session over WebRTC: sound on tracks, played by the server; events on a data channel."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import anyio
from anyio.abc import TaskStatus
from msgspec.structs import asdict

from antiphon.engines.base import Floats
from antiphon.runtime.calls import Call
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.hosts import CallHost
from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception
from antiphon.transports.webrtc.messages import message_of
from antiphon.transports.webrtc.pacer import Pacer
from antiphon.transports.webrtc.peer import Peer, PeerFactory

__all__ = ["Answered", "Switchboard"]

_log = logging.getLogger(__name__)


class Answered(NamedTuple):
    """A call that has begun.

    Attributes:
        call_id: What it is known by.
        sdp: What its client is to be answered.
    """

    call_id: str
    sdp: str


class Switchboard:
    """Answers the offers of clients, and connects them with sessions.

    Args:
        reception: Admits the sessions.
        load_peers: Loads what makes the server's end of a call, when somebody calls for the first
            time. Raises ``RequestError`` if there is nothing to load.
    """

    def __init__(
        self, reception: Reception, load_peers: Callable[[], Awaitable[PeerFactory]]
    ) -> None:
        self._reception = reception
        self._load_peers = load_peers
        self._make_peer: PeerFactory | None = None
        self._entropy = RandomEntropy()
        self._pacer = Pacer()

    async def answer(self, opening: Opening, offer_sdp: str) -> Answered:
        """Begin a call. It goes on by itself.

        Args:
            opening: What the client calls for; ``openings.preview`` has nothing against it.
            offer_sdp: The client's offer.

        Raises:
            RequestError: The offer cannot be used (``invalid_offer``); the key does not let its
                holder call (``model_not_allowed``, or a limit of it); the server is full, or has no
                port left (:class:`~antiphon.errors.BusyError`); or it takes no calls
                (``not_implemented``).
        """
        if self._make_peer is None:
            self._make_peer = await self._load_peers()
        run = partial(self._run, self._make_peer, opening, offer_sdp)
        return await self._reception.calls.begin(run)

    async def _run(
        self,
        make_peer: PeerFactory,
        opening: Opening,
        offer_sdp: str,
        status: TaskStatus[Answered],
    ) -> None:
        self._reception.admission.check_room()
        self._reception.admission.check_key(opening)
        with self._reception.admission.place(opening.key_name):
            line = _Line()
            peer = make_peer(line)
            try:
                sdp = await peer.answer(offer_sdp)
                await self._converse(opening, line, peer, sdp, status)
            finally:
                with anyio.CancelScope(shield=True):
                    await peer.aclose()
                self._reception.metrics.end_call(asdict(peer.packets))

    async def _converse(
        self, opening: Opening, line: _Line, peer: Peer, sdp: str, status: TaskStatus[Answered]
    ) -> None:
        """Keep the call until it is over. A mistake ends it, and nothing else."""
        try:
            async with anyio.create_task_group() as tasks:
                host = self._reception.admit_call(opening, tasks, peer.send_audio)
                call = Call(
                    self._entropy.identifier("rtc"),
                    opening.key_name,
                    host,
                    lambda event: peer.send_message(message_of(event)),
                )
                _log.info("%s: the session %s is called", call.id, host.session_id)
                with ExitStack() as over:
                    over.enter_context(self._reception.calls.listed(call))
                    over.callback(line.disconnect)
                    over.callback(self._pacer.join(line.connect(call, host)))
                    status.started(Answered(call.id, sdp))
                    await call.last(tasks)
                tasks.cancel_scope.cancel()
        except* Exception:
            _log.exception("A call was ended by a mistake of Antiphon or of an engine")


class _Line:
    """What a peer tells, on its way to the session of the call.

    See :class:`antiphon.transports.webrtc.peer.PeerEvents`. A mistake in what becomes of it ends
    the call: the peer could do nothing about it.
    """

    def __init__(self) -> None:
        self._call: Call | None = None
        self._host: CallHost | None = None
        self._closed: str | None = None

    def connect(self, call: Call, host: CallHost) -> Callable[[], None]:
        """Pass everything on from now on, and return what is to be called every 20 ms."""
        self._call, self._host = call, host
        if self._closed is not None:
            call.hang_up(self._closed)
        assert host.player is not None, "the host of a call plays"
        tick = host.player.tick
        return lambda: self._do(tick)

    def disconnect(self) -> None:
        """Pass nothing on any more: the session is over, and the peer may not know it yet."""
        self._host = None

    def on_audio(self, samples: Floats) -> None:
        if self._host is not None:
            listen = self._host.listen
            self._do(lambda: listen(samples))

    def on_message(self, text: str) -> None:
        if self._host is not None:
            receive = self._host.receive
            self._do(lambda: receive(text))

    def on_closed(self, reason: str) -> None:
        self._closed = reason
        if self._call is not None:
            self._call.hang_up(reason)

    def _do(self, act: Callable[[], None]) -> None:
        assert self._call is not None
        try:
            act()
        except Exception:
            _log.exception("%s: ends by a mistake of Antiphon", self._call.id)
            self._call.hang_up("the server made a mistake")
