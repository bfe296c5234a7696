from __future__ import annotations

import anyio

from antiphon.engines.base import EngineInfo
from antiphon.runtime.spare import Claim, Machines, Spare, default_seats


async def test_a_guess_may_start_only_while_there_is_room() -> None:
    spare = Spare(seats=1)
    assert spare.has_room
    with spare.seat(anyio.CancelScope(), needed=True):
        assert not spare.has_room
    assert spare.has_room


async def test_a_guess_gives_way_to_work_that_is_needed() -> None:
    spare = Spare(seats=1)
    guessing, needed = anyio.CancelScope(), anyio.CancelScope()
    with spare.seat(guessing, needed=False) as guess, spare.seat(needed, needed=True):
        assert guessing.cancel_called
        assert guess.claim is Claim.GAVE_WAY
        assert not needed.cancel_called


async def test_the_newest_guess_gives_way_first() -> None:
    spare = Spare(seats=2)
    older, newer = anyio.CancelScope(), anyio.CancelScope()
    with (
        spare.seat(older, needed=False),
        spare.seat(newer, needed=False),
        spare.seat(anyio.CancelScope(), needed=True),
    ):
        assert newer.cancel_called
        assert not older.cancel_called


async def test_a_guess_that_is_claimed_does_not_give_way_any_more() -> None:
    spare = Spare(seats=1)
    guessing = anyio.CancelScope()
    with spare.seat(guessing, needed=False) as guess:
        spare.claim(guess)
        with spare.seat(anyio.CancelScope(), needed=True):
            assert not guessing.cancel_called


async def test_claiming_a_guess_drives_out_the_others() -> None:
    spare = Spare(seats=2)
    claimed, other = anyio.CancelScope(), anyio.CancelScope()
    with (
        spare.seat(claimed, needed=False) as guess,
        spare.seat(anyio.CancelScope(), needed=True),
    ):
        assert not claimed.cancel_called
        spare.claim(guess)
        with spare.seat(other, needed=False):
            assert other.cancel_called
        assert not claimed.cancel_called


async def test_work_that_is_needed_never_gives_way() -> None:
    spare = Spare(seats=1)
    scopes = [anyio.CancelScope() for _ in range(3)]
    with (
        spare.seat(scopes[0], needed=True),
        spare.seat(scopes[1], needed=True),
        spare.seat(scopes[2], needed=True),
    ):
        assert not any(scope.cancel_called for scope in scopes)


def test_every_machine_has_a_seat() -> None:
    assert default_seats() >= 1


async def test_a_guess_that_is_not_wanted_any_more_does_not_wait_for_room() -> None:
    spare = Spare(seats=1)
    started: list[str] = []

    def first() -> None:
        started.append("first")

    def second() -> None:
        started.append("second")

    with spare.seat(anyio.CancelScope(), needed=True):
        spare.wait_for_room(first)
        spare.wait_for_room(second)
        spare.wait_no_more(first)
        assert not started
    assert started == ["second"]


async def test_no_more_guesses_give_way_than_have_to() -> None:
    spare = Spare(seats=3)
    older, newer = anyio.CancelScope(), anyio.CancelScope()
    with (
        spare.seat(anyio.CancelScope(), needed=True),
        spare.seat(older, needed=False) as claimed,
        spare.seat(newer, needed=False),
        spare.seat(anyio.CancelScope(), needed=True),
    ):
        assert newer.cancel_called  # but its task has not ended yet
        spare.claim(claimed)
        assert not older.cancel_called


async def test_a_guess_that_is_on_its_way_out_drives_out_no_other() -> None:
    spare = Spare(seats=2)
    scopes = [anyio.CancelScope() for _ in range(2)]
    with (
        spare.seat(scopes[0], needed=False),
        spare.seat(scopes[1], needed=False),
        spare.seat(anyio.CancelScope(), needed=True) as needed,
    ):
        spare.claim(needed)  # once more: nothing has changed
        assert [scope.cancel_called for scope in scopes] == [False, True]


def test_work_of_other_machines_takes_nothing_from_this_one():
    here = EngineInfo(name="here", role="language_model")
    there = EngineInfo(name="there", role="synthesizer", remote=True)
    machines = Machines()
    assert machines.doing(there, there) is machines.elsewhere
    assert machines.doing(here, there) is machines.here
    assert machines.doing(here) is machines.here
