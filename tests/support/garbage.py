"""What is in memory only until the next collection of garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collecting_no_garbage"]


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Free only what nothing refers to: a collection that happens to come would hide a cycle."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
