from __future__ import annotations

import os
import sys
import threading

import pytest

from antiphon.engines.native.pool import WorkerPool
from antiphon.engines.native.priority import NICENESS, giving_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority there")

OWN = os.getpriority(os.PRIO_PROCESS, 0)
NICER = min(OWN + NICENESS, 19)


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def niceness_of_a_further_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(niceness()))
    thread.start()
    thread.join()
    return found[0]


async def test_what_engines_compute_gives_way_to_the_event_loop():
    pool = WorkerPool(stage="generate", threads=1, name="test")
    assert await pool.call(niceness) == NICER
    await pool.aclose()
    assert niceness() == OWN


def test_threads_that_a_library_starts_as_it_is_loaded_give_way():
    assert giving_way(niceness_of_a_further_thread) == NICER
    assert niceness() == OWN


def test_what_fails_on_the_other_thread_fails_here():
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        giving_way(fail)
