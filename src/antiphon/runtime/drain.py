"""The end of a server: nobody new is admitted, and those who are there may finish."""

from __future__ import annotations

import logging

import anyio

from antiphon.runtime.hosts import CLOSE_TIMEOUT_S, SERVER_ENDS
from antiphon.runtime.readiness import Phase
from antiphon.runtime.reception import Reception

__all__ = ["drain"]

_log = logging.getLogger(__name__)

_LOOK_S = 0.1
"""How often a server that ends looks who is still there. It does so for seconds, once in its life,
so nothing else has to keep account of it."""


async def drain(reception: Reception, within_s: float) -> None:
    """Admit nobody any more, and return when all sessions and requests are over.

    The protocol has no event that would announce it, and an error would make clients give up what
    they could finish. So sessions go on as if nothing was, and are closed where it does least harm:
    in the second half of the time each at the first moment in which nobody speaks and no response
    is under way, and at its end whatever goes on. Responses are then cancelled, and kept.

    Args:
        reception: Of the server.
        within_s: How long sessions may go on. They take up to ``CLOSE_TIMEOUT_S`` more to close.
    """
    reception.readiness.phase = Phase.DRAINING
    _log.info("ending, with %d sessions and requests open", reception.open_sessions)
    deadline = anyio.current_time() + within_s
    while reception.open_sessions and (left_s := deadline - anyio.current_time()) > 0:
        if left_s <= within_s / 2:
            _end_sessions(reception, quiet_only=True)
        await anyio.sleep(min(_LOOK_S, left_s))
    if reception.open_sessions:
        _log.info("closing %d sessions that go on", len(reception.live))
    with anyio.move_on_after(CLOSE_TIMEOUT_S):
        while reception.open_sessions:
            _end_sessions(reception, quiet_only=False)  # also those that were just being admitted
            await anyio.sleep(_LOOK_S)


def _end_sessions(reception: Reception, *, quiet_only: bool) -> None:
    for session in reception.live:
        if session.quiet or not quiet_only:
            session.host.end(SERVER_ENDS)
