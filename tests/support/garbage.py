"""What is in memory, and what is there only until the next collection of garbage."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collecting_no_garbage", "tracing_memory"]


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Free only what nothing refers to: a collection that happens to come would hide a cycle."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def tracing_memory() -> Iterator[None]:
    """Have ``tracemalloc`` count what is allocated from now on."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
