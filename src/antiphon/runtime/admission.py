"""Who is let in: whether there is room, and whether their keys may do what they ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from antiphon.config import Config
from antiphon.errors import BusyError
from antiphon.runtime.key_rules import KeyRules
from antiphon.runtime.models import Models
from antiphon.runtime.openings import Opening
from antiphon.runtime.rate_limits import KeyAccounts, ModelAccount, refusal_of_limit
from antiphon.runtime.readiness import Obstacle, Phase, Readiness
from antiphon.runtime.spare import Machines
from antiphon.wire.response import RealtimeResponseUsage

__all__ = ["RETRY_AFTER_S", "Admission"]

RETRY_AFTER_S = 5
"""When a client of a full server may ask again."""


class Admission:
    """Counts who is in, and says who else may come.

    Args:
        config: The operator's choices.
        models: What clients may ask for.
        readiness: Of the server, which is told when there is no room.
        machines: Count the work that requests are.

    Attributes:
        accounts: What the keys use, and what that costs.
        key_rules: What they may be used for.
    """

    def __init__(
        self, config: Config, models: Models, readiness: Readiness, machines: Machines
    ) -> None:
        self.accounts = KeyAccounts(config)
        self.key_rules = KeyRules(config)
        self._max_sessions = config.max_sessions
        self._models = models
        self._readiness = readiness
        self._machines = machines
        self._open_sessions = 0
        readiness.depend_on(self._full)

    def renew(self, config: Config) -> None:
        """Have another configuration hold from now on. Who is in, stays."""
        self._max_sessions = config.max_sessions
        self.accounts.renew(config)
        self.key_rules.renew(config)

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return self._open_sessions

    @property
    def full(self) -> bool:
        """Whether no further session can be admitted."""
        return self._open_sessions >= self._max_sessions

    def check_room(self) -> None:
        """Check that a session or request can be admitted.

        Raises:
            BusyError: ``server_full`` or ``server_draining``.
        """
        if self._readiness.phase is Phase.DRAINING:
            message = (
                "The server is about to end, and admits nobody any more. Try again in "
                f"{RETRY_AFTER_S} seconds, when another may have taken its place."
            )
            raise BusyError(
                message, code="server_draining", type="server_error", retry_after_s=RETRY_AFTER_S
            )
        if self.full:
            message = (
                f"The server is full: {self.open_sessions} sessions and requests are being served. "
                f"Try again in {RETRY_AFTER_S} seconds."
            )
            raise BusyError(
                message, code="server_full", type="server_error", retry_after_s=RETRY_AFTER_S
            )

    def _full(self) -> Obstacle | None:
        if not self.full:
            return None
        message = f"{self.open_sessions} sessions and requests are being served."
        return Obstacle(code="server_full", message=message)

    def check_key(self, opening: Opening) -> None:
        """Check that the key of a client lets it open a session now.

        Raises:
            RequestError: ``model_not_allowed``.
            BusyError: ``rate_limit_exceeded`` or ``insufficient_quota``.
        """
        self._check_model(opening.key_name, opening.model)
        self.accounts.check(opening.key_name, asyncio.get_running_loop().time())

    @contextmanager
    def place(self, key_name: str | None) -> Iterator[None]:
        """Take up the room of one session, as long as the context is open.

        Args:
            key_name: What the API key is called that it is opened with; ``None`` where none is
                needed.
        """
        self._open_sessions += 1
        try:
            with self.accounts.of(key_name).place():
                yield
        finally:
            self._open_sessions -= 1

    @contextmanager
    def visit(self, key_name: str | None) -> Iterator[None]:
        """Admit a request without a session, as long as the context is open.

        It takes up the room of a session from before it is read: what clients upload is bounded by
        how many may do so at once.

        Args:
            key_name: What the API key is called that it comes with; ``None`` where none is needed.

        Raises:
            BusyError: ``server_full``, ``server_draining``, ``rate_limit_exceeded`` or
                ``insufficient_quota``.
        """
        self.check_room()
        self.accounts.check(key_name, asyncio.get_running_loop().time())
        with self.place(key_name):
            yield

    @contextmanager
    def work(
        self, key_name: str | None, model: str
    ) -> Iterator[Callable[[RealtimeResponseUsage], None]]:
        """Have engines work on a request that has been admitted, as long as the context is open.

        It counts as a request of its key, and as work that is needed.

        Args:
            key_name: As for :meth:`visit`.
            model: As :meth:`Openings.choose_model` returned it.

        Yields:
            What is to be called with what it used, when that is known.

        Raises:
            RequestError: ``model_not_allowed``.
            BusyError: ``rate_limit_exceeded`` or ``insufficient_quota``: others with the same key
                were quicker.
        """
        self._check_model(key_name, model)
        account = self.account(key_name, model)
        clock = asyncio.get_running_loop().time
        if (beyond := account.admit(clock())) is not None:
            raise refusal_of_limit(beyond)
        with self._machines.here.seat(anyio.CancelScope(), needed=True):
            yield lambda usage: account.spend(usage, clock())

    def account(self, key_name: str | None, model: str) -> ModelAccount:
        """Return the account of a key for whatever answers under a model name."""
        return self.accounts.with_model(key_name, self._models.named(model).name)

    def cost_micros(self, model: str, usage: RealtimeResponseUsage | None) -> int | None:
        """Return what a response cost, in millionths of the currency; ``None`` without a price.

        Args:
            model: The name that the client asked for.
            usage: What the response used.
        """
        return self.accounts.prices.cost_micros(self._models.named(model).name, usage)

    def _check_model(self, key_name: str | None, model: str) -> None:
        self.key_rules.check_model(key_name, model, self._models.named(model).name)
