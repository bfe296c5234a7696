from __future__ import annotations

import random

import numpy as np
import pytest

from antiphon.store.latencies import KEPT_HOURS_S, KEPT_MINUTES_S, latencies
from tests.support.kept import BEGIN_S, Shelf, kept

BEGIN_US = BEGIN_S * 1_000_000
HOUR_US = 3_600_000_000
END_US = BEGIN_US + 10 * 24 * HOUR_US


@pytest.fixture
def tables(database):
    return Shelf(database)


def of(tables, stage="voice_to_voice", bucket="hour", *, since=0, until=END_US, model=None):
    return tables.read(
        lambda connection: latencies(
            connection, stage, bucket, since=since, until=until, model=model
        )
    )


def heard(number: int, voice_to_voice_ms: float, **more):
    moments = {"speech_ended": 0.0, "first_audio": voice_to_voice_ms}
    return kept(number, moments=moments, **more)


def test_percentiles_are_within_two_percent(tables):
    chance = random.Random(3)
    took_ms = [chance.lognormvariate(6.5, 0.5) for _ in range(400)]
    tables.keep(*(heard(number, ms) for number, ms in enumerate(took_ms)))
    (point,) = of(tables)
    assert (point.at, point.responses) == (BEGIN_US, 400)
    exact = np.percentile(took_ms, (50, 95, 99), method="inverted_cdf")
    assert (point.p50_ms, point.p95_ms, point.p99_ms) == pytest.approx(tuple(exact), rel=0.02)


def test_hours_add_up_to_their_day(tables):
    tables.keep(*(heard(number, 100, after_s=number * 3600) for number in range(3)))
    tables.keep(heard(3, 1000), heard(4, 1000, after_s=24 * 3600))
    assert [point.responses for point in of(tables)] == [2, 1, 1, 1]
    day, next_day = of(tables, bucket="day")
    assert (day.responses, next_day.responses) == (4, 1)
    assert (day.p50_ms, day.p95_ms) == pytest.approx((100, 1000), rel=0.02)
    assert day.at % (24 * HOUR_US) == 0


def test_minutes_are_told_apart_and_forgotten_after_two_days(tables):
    tables.keep(heard(1, 100, after_s=0), heard(2, 100, after_s=60), heard(3, 100, after_s=61))
    assert [point.responses for point in of(tables, bucket="minute")] == [1, 2]
    tables.keep(heard(4, 100, after_s=KEPT_MINUTES_S + 1))
    assert [point.responses for point in of(tables, bucket="minute")] == [2, 1]
    assert sum(point.responses for point in of(tables)) == 4


def test_hours_are_forgotten_that_no_page_shows_any_more(tables):
    tables.keep(heard(1, 100), heard(2, 100, after_s=3600))
    tables.keep(heard(3, 100, after_s=KEPT_HOURS_S + 3600))
    assert [point.responses for point in of(tables, until=2 * END_US)] == [1, 1]


def test_each_stage_is_timed_by_itself(tables):
    moments = {
        "speech_ended": 0.0,
        "transcribed": 100.0,
        "started": 200.0,
        "first_token": 250.0,
        "first_segment": 300.0,
        "first_audio": 500.0,
    }
    tables.keep(kept(1, moments=moments), kept(2, moments={"started": 0.0, "first_token": 50.0}))
    timed = {
        stage: [(point.responses, point.p50_ms) for point in of(tables, stage)]
        for stage in ("voice_to_voice", "transcribed", "first_token", "first_audio")
    }
    near = {
        stage: [(number, pytest.approx(ms, rel=0.02))]
        for stage, number, ms in (
            ("voice_to_voice", 1, 500),
            ("transcribed", 1, 100),
            ("first_token", 2, 50),
            ("first_audio", 1, 200),
        )
    }
    assert timed == near


def test_models_are_told_apart(tables):
    tables.keep(heard(1, 100), heard(2, 1000, model="quick"))
    (point,) = of(tables, model="quick")
    assert (point.responses, point.p50_ms) == (1, pytest.approx(1000, rel=0.02))
    assert [point.responses for point in of(tables)] == [2]
    assert of(tables, model="other") == []


@pytest.mark.parametrize("took_ms", [-20.0, 0.0, 0.3, 1.0])
def test_nothing_takes_less_than_no_time(tables, took_ms):
    tables.keep(heard(1, took_ms))
    (point,) = of(tables)
    assert 0 < point.p50_ms <= 1


def test_what_is_asked_for_ends_where_it_says(tables):
    tables.keep(heard(1, 100), heard(2, 100, after_s=3600))
    assert [point.at for point in of(tables, until=BEGIN_US + HOUR_US)] == [BEGIN_US]
    assert [point.at for point in of(tables, since=BEGIN_US + HOUR_US + 5)] == [BEGIN_US + HOUR_US]
