from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import Config, Limits
from antiphon.errors import BusyError
from antiphon.runtime.admission import RETRY_AFTER_S, Admission
from antiphon.runtime.models import Models
from antiphon.runtime.readiness import Phase, Readiness
from antiphon.runtime.spare import Machines
from tests.support.cast import make_cast

MODEL = "antiphon"


def admission(readiness: Readiness | None = None, **config: object) -> Admission:
    cast = make_cast()
    settings = Config(home=Path("unused"), **config)  # type: ignore[arg-type]
    models = Models(settings, lambda _: cast.engines)
    return Admission(settings, models, readiness or Readiness(Phase.SERVING), Machines())


async def test_places_are_taken_and_given_back():
    desk = admission(max_sessions=2)
    with desk.place(None):
        assert (desk.open_sessions, desk.full) == (1, False)
        with desk.place(None):
            assert (desk.open_sessions, desk.full) == (2, True)
    assert (desk.open_sessions, desk.full) == (0, False)


async def test_a_place_is_given_back_whatever_happens():
    desk = admission(max_sessions=1)
    with pytest.raises(ZeroDivisionError), desk.place(None):
        raise ZeroDivisionError
    assert desk.open_sessions == 0


async def test_a_request_takes_up_the_room_of_a_session_from_before_it_is_read():
    desk = admission(max_sessions=1)
    with desk.visit(None):
        assert desk.full
        with pytest.raises(BusyError) as refusal, desk.visit(None):
            pass
        assert refusal.value.code == "server_full"
        assert refusal.value.retry_after_s == RETRY_AFTER_S
    assert desk.open_sessions == 0


async def test_requests_count_to_the_account_of_their_key():
    desk = admission(rate_limits=Limits(requests_per_minute=1))
    with desk.visit("one"), desk.work("one", MODEL):
        pass
    with pytest.raises(BusyError) as refusal, desk.visit("one"):
        pass
    assert refusal.value.code == "rate_limit_exceeded"
    assert 0 < refusal.value.retry_after_s <= 60
    assert desk.open_sessions == 0
    with desk.visit("another"), desk.work("another", MODEL):
        assert desk.open_sessions == 1


def test_nobody_is_admitted_any_more_while_the_server_ends():
    readiness = Readiness(Phase.SERVING)
    desk = admission(readiness)
    desk.check_room()
    readiness.phase = Phase.DRAINING
    with pytest.raises(BusyError) as refusal:
        desk.check_room()
    assert refusal.value.code == "server_draining"


def test_another_bound_holds_for_who_comes_next():
    readiness = Readiness(Phase.SERVING)
    desk = admission(readiness, max_sessions=1)
    with desk.place(None):
        assert [one.code for one in readiness.obstacles()] == ["server_full"]
        desk.renew(Config(home=Path("unused"), max_sessions=2))
        desk.check_room()
        assert readiness.ready


async def test_of_uploads_that_were_read_at_once_only_as_many_are_worked_on_as_there_may_be():
    desk = admission(rate_limits=Limits(requests_per_minute=1))
    with desk.visit("one"), desk.visit("one"):
        with desk.work("one", MODEL):
            pass
        with pytest.raises(BusyError) as refusal, desk.work("one", MODEL):
            pass
    assert refusal.value.code == "rate_limit_exceeded"
