from __future__ import annotations

import logging
import time

import pytest

from antiphon.store.complaints import Complaints
from antiphon.store.queue import StoreFigures

FIGURES = StoreFigures(queued=3, queued_bytes=3_000, written=5, lost=0, failing_since_s=1.0)
ERROR = OSError("no space left")


class Clock:
    """What is the time, by the word of the test."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def complaints(caplog):
    caplog.set_level(logging.INFO)
    return Complaints("sqlite:///kept.db")


def test_the_same_is_not_said_again_within_a_minute(complaints, clock, caplog):
    for clock.now_s in (0.0, 1.0, 59.0, 60.0):
        complaints.fail(ERROR, FIGURES)
    said = "nothing can be written to sqlite:///kept.db: no space left; 3 records wait, 0 are lost"
    assert caplog.messages == [said, said]


def test_losses_are_told_once_for_each_minute_in_which_there_are_more(complaints, clock, caplog):
    for clock.now_s, lost in ((0.0, 0), (1.0, 2), (2.0, 3), (70.0, 3), (140.0, 3), (150.0, 4)):
        complaints.lose(lost)
    expected = [f"{lost} records are lost: more came than could be written" for lost in (2, 3, 4)]
    assert caplog.messages == expected


def test_that_all_is_well_is_told_at_once_and_so_is_what_goes_wrong_after_it(
    complaints, clock, caplog
):
    for clock.now_s in (0.0, 1.0):
        complaints.fail(ERROR, FIGURES)
        complaints.recover(7)
        complaints.lose(7)  # it has been told
    assert [message.split(":")[0] for message in caplog.messages] == [
        "nothing can be written to sqlite",
        "sqlite",
    ] * 2
    assert caplog.messages[-1].endswith("can be written to again; 7 records are lost")
