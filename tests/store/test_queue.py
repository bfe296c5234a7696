from __future__ import annotations

import pytest

from antiphon.errors import StoreError
from antiphon.store.queue import RecordQueue
from antiphon.store.records import Record, size_bytes

from .support import item, opened, response, said


def work(_connection: object) -> None:
    """Is never reached: the queue only passes it on."""


def test_what_is_put_waits_until_it_is_forgotten():
    queue = RecordQueue()
    records: list[Record] = [response("resp_1"), response("resp_2")]
    for record in records:
        queue.put(record)
    assert queue.take() == (records, None)
    assert queue.take() == (records, None)
    queue.forget(records[:1], lost=0)
    queue.forget(records[1:], lost=1)
    assert queue.is_empty
    assert queue.figures(None) == (0, 0, 1, 1, None)


def test_a_job_comes_after_what_was_put_before_and_before_what_was_put_later():
    queue = RecordQueue()
    queue.put(opened("sess_1"))
    done = queue.submit(work)
    queue.put(opened("sess_2"))
    first, _ = queue.take()
    assert first == [opened("sess_1")]
    queue.forget(first, lost=0)
    records, job = queue.take()
    assert records == []
    assert job is not None
    assert (job.work, job.done) == (work, done)
    assert queue.take() == ([opened("sess_2")], None)


def test_no_more_is_taken_at_once_than_is_written_quickly():
    queue = RecordQueue()
    for number in range(501):
        queue.put(opened(f"sess_{number}"))
    records, _ = queue.take()
    assert len(records) == 500
    queue.forget(records, lost=0)
    large = item(said("x" * (1 << 20)))
    for _ in range(4):
        queue.put(large)
    records, _ = queue.take()
    assert len(records) == 1 + 3  # of 3 MiB each; 8 MiB are passed once


def test_what_there_is_no_room_for_is_lost_and_less_may_still_fit():
    small, large = opened(), item(said("x" * 10_000))
    queue = RecordQueue(size_bytes(small) + size_bytes(large))
    for record in (large, large, small):
        queue.put(record)
    assert queue.take() == ([large, small], None)
    figures = queue.figures(1.5)
    assert (figures.queued, figures.lost, figures.failing_since_s) == (2, 1, 1.5)
    assert figures.queued_bytes == size_bytes(small) + size_bytes(large)


def test_jobs_fail_and_records_wait_on():
    queue = RecordQueue()
    first, given_up = queue.submit(work), queue.submit(work)
    queue.put(opened())
    given_up.cancel()
    queue.fail_jobs(StoreError("gone"))
    assert str(first.exception(0)) == "gone"
    assert queue.take() == ([opened()], None)


def test_what_has_ended_takes_no_jobs():
    queue = RecordQueue()
    waits = queue.submit(work)
    queue.end()
    for done in (waits, queue.submit(work)):
        with pytest.raises(StoreError, match="closed"):
            done.result(0)
    assert queue.is_empty
