"""What a client is told of its limits."""

from collections.abc import Sequence

from tests.support.ledger.frames import Frame

__all__ = ["LimitAccount"]

_MINUTE_S = 60.0
_ROUNDING_S = 0.001


class LimitAccount:
    """The limits of the key that opened a session.

    Whether there are any shows when the first response has ended: either the end of every response
    is followed by how they stand, or the end of none is.
    """

    def __init__(self) -> None:
        self._are_told: bool | None = None
        self._is_due = False
        self._limits: dict[str, int] | None = None

    def follow(self, kind: str) -> None:
        """Take the type of the next frame.

        Raises:
            AssertionError: It is not the time for it.
        """
        is_told = kind == "rate_limits.updated"
        if self._is_due and self._are_told is None:
            self._are_told = is_told
        assert is_told == (self._is_due and self._are_told), "limits are told as responses end"
        self._is_due = kind == "response.done"

    def read(self, figures: Sequence[Frame]) -> None:
        """Take how the limits stand.

        Raises:
            AssertionError: They cannot stand so.
        """
        limits = {figure["name"]: figure["limit"] for figure in figures}
        assert limits
        assert limits.keys() <= {"requests", "tokens"}
        assert len(limits) == len(figures), "each limit is told once"
        assert self._limits in (None, limits), "limits do not change"
        self._limits = limits
        for figure in figures:
            missing = figure["limit"] - figure["remaining"]
            assert 0 <= figure["remaining"] <= figure["limit"]
            if figure["remaining"]:
                per_s = figure["limit"] / _MINUTE_S
                refill, slack = figure["reset_seconds"] * per_s, _ROUNDING_S * per_s
                assert missing - 1 - slack <= refill <= missing + slack
