"""Labels of metrics: few different ones, whatever clients and other servers come up with."""

from __future__ import annotations

__all__ = ["OTHER", "Few"]

OTHER = "other"
"""What stands for all labels beyond the first few."""


class Few:
    """Lets the first different labels pass; each is a time series that is kept for good.

    Args:
        limit: How many.
    """

    def __init__(self, limit: int = 40) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def label(self, wanted: str) -> str:
        """Return a label, or what stands for it."""
        if wanted not in self._seen:
            if len(self._seen) >= self._limit:
                return OTHER
            self._seen.add(wanted)
        return wanted
