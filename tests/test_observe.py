from __future__ import annotations

from antiphon.observe import Moment, Timeline, TimelineLog


def test_moments_count_from_the_first_of_them_in_the_order_of_time():
    timeline = Timeline("resp_1")
    timeline.mark(Moment.FIRST_TOKEN, 10.25)
    timeline.mark(Moment.CREATED, 10.0)
    assert list(timeline.as_ms().items()) == [("created", 0.0), ("first_token", 250.0)]


def test_only_the_first_time_counts():
    timeline = Timeline("resp_1")
    timeline.mark(Moment.CREATED, 1.0)
    timeline.mark(Moment.FIRST_AUDIO, 2.0)
    timeline.mark(Moment.FIRST_AUDIO, 5.0)
    assert timeline.as_ms()["first_audio"] == 1000


def test_a_timeline_without_moments_is_empty():
    assert Timeline("resp_1").as_ms() == {}


def test_the_oldest_timelines_make_room():
    log = TimelineLog(capacity=2)
    kept = [log.open(f"resp_{number}") for number in range(3)]
    assert log.find("resp_0") is None
    assert log.find("resp_1") is kept[1]
    assert log.find("resp_2") is kept[2]
    assert log.find("resp_9") is None
