from __future__ import annotations

from antiphon.runtime.sent_log import SentLog


def log_of(*event_ids: str, bound_bytes: int = 1_000) -> SentLog:
    """A log of frames of ten bytes each."""
    log = SentLog(bound_bytes)
    for event_id in event_ids:
        log.add(event_id, event_id.encode().ljust(10))
    return log


def after(log: SentLog, event_id: str) -> list[str] | None:
    frames = log.after(event_id)
    return None if frames is None else [frame.decode().strip() for frame in frames]


def test_what_follows_an_event_comes_in_order():
    assert after(log_of("a", "b", "c"), "a") == ["b", "c"]


def test_nothing_follows_the_last_one():
    assert after(log_of("a", "b"), "b") == []


def test_what_follows_an_event_that_never_was_is_not_known():
    log = log_of("a", "b")
    assert after(log, "x") is None
    assert after(log, "") is None


def test_the_oldest_make_room_and_what_followed_them_is_known_as_long_as_it_is_complete():
    log = log_of("a", "b", "c", "d", bound_bytes=20)
    assert log.held_bytes == 20
    assert after(log, "a") is None
    assert after(log, "b") == ["c", "d"]


def test_a_frame_above_the_bound_is_not_kept():
    log = log_of("a", bound_bytes=5)
    assert log.held_bytes == 0
    assert after(log, "a") == []


def test_a_further_id_means_the_place_of_another_event():
    log = log_of("a", "b", "c")
    log.mark("a", "mark")
    assert after(log, "mark") == ["b", "c"]
    assert after(log, "a") == ["b", "c"]


def test_who_comes_back_again_and_again_leaves_nothing_behind():
    log = log_of("a", "b")
    named = "a"
    for turn in range(100):
        log.mark(named, f"mark {turn}")
        assert after(log, named) == after(log, f"mark {turn}") == ["b"]
        named = f"mark {turn}" if turn % 2 else named  # the other marks did not arrive
    assert len(log._frames) <= 4
