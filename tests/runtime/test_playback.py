from __future__ import annotations

import anyio
import pytest

from antiphon.core.signals import PlaybackAdvanced
from antiphon.runtime.playback import AHEAD_S, FRAME_BYTES, SILENCE, Player
from tests.support.virtual_time import step

_BYTES_PER_MS = 48


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class Stage:
    """A player, what it has played, and what it has told."""

    def __init__(self) -> None:
        self.played: list[bytes] = []
        self.told: list[PlaybackAdvanced] = []
        self.player = Player(self.played.append, self.told.append)

    def tick(self, times: int = 1) -> bytes:
        before = len(self.played)
        for _ in range(times):
            self.player.tick()
        assert len(self.played) == before + times
        return b"".join(self.played[before:])


def sound(letter: str, duration_ms: int) -> bytes:
    return letter.encode() * (duration_ms * _BYTES_PER_MS)


def test_every_tick_plays_a_frame_silence_included():
    stage = Stage()
    assert stage.tick(3) == SILENCE * 3
    assert stage.told == []


def test_what_is_put_in_comes_out_in_frames_whatever_its_pieces():
    stage = Stage()
    for duration_ms in (5, 50, 5):
        stage.player.put("resp", "item", sound("a", duration_ms))
    assert stage.tick(3) == sound("a", 60)
    assert stage.told == [PlaybackAdvanced("resp", "item", ms) for ms in (20.0, 40.0, 60.0)]


def test_a_piece_of_a_frame_waits_for_the_rest_until_there_is_none():
    stage = Stage()
    stage.player.put("resp", "item", sound("a", 30))
    assert stage.tick(2) == sound("a", 20) + SILENCE
    stage.player.end("resp")
    assert stage.tick(2) == sound("a", 10) + SILENCE[: FRAME_BYTES // 2] + SILENCE
    assert stage.told[-1] == PlaybackAdvanced("resp", "item", 30.0)


def test_items_of_a_response_follow_each_other_without_a_gap():
    stage = Stage()
    stage.player.put("resp", "one", sound("a", 30))
    stage.player.put("resp", "two", sound("b", 30))
    assert stage.tick(3) == sound("a", 30) + sound("b", 30)
    assert stage.told == [
        PlaybackAdvanced("resp", "one", 20.0),
        PlaybackAdvanced("resp", "one", 30.0),
        PlaybackAdvanced("resp", "two", 10.0),
        PlaybackAdvanced("resp", "two", 30.0),
    ]


def test_a_response_waits_until_the_one_before_is_over():
    stage = Stage()
    stage.player.put("first", "one", sound("a", 20))
    stage.player.put("second", "two", sound("b", 20))
    assert stage.tick(2) == sound("a", 20) + SILENCE  # there may be more of the first
    stage.player.put("first", "one", sound("a", 20))
    stage.player.end("first")
    assert stage.tick(2) == sound("a", 20) + sound("b", 20)


def test_what_is_cleared_is_silent_from_the_next_frame_on():
    stage = Stage()
    stage.player.put("resp", "item", sound("a", 1_000))
    stage.tick()
    stage.player.clear("resp")
    stage.player.put("resp", "item", sound("a", 1_000))
    stage.player.put("next", "other", sound("b", 20))
    assert stage.tick(2) == sound("b", 20) + SILENCE
    stage.player.end("resp")
    stage.player.end("next")
    assert stage.tick() == SILENCE


async def test_producers_wait_while_their_own_response_is_too_far_ahead():
    stage = Stage()
    far, near = anyio.Event(), anyio.Event()

    async def produce(response_id: str, done: anyio.Event) -> None:
        await stage.player.room(response_id)
        done.set()

    stage.player.put("first", "one", sound("a", 20))
    stage.player.put("second", "two", sound("b", AHEAD_S * 1000 + 20))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(produce, "second", far)
        tasks.start_soon(produce, "first", near)
        await step(5)
        assert near.is_set()
        assert not far.is_set()
        stage.player.end("first")
        stage.tick(2)
        await far.wait()


@pytest.mark.parametrize("end", ["clear", "close"])
async def test_nobody_waits_for_room_in_what_is_not_played(end):
    stage = Stage()
    stage.player.put("resp", "item", sound("a", AHEAD_S * 1000 + 20))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.player.room, "resp")
        await step(5)
        if end == "clear":
            stage.player.clear("resp")
        else:
            stage.player.close()
