"""Thousands of sessions, each another, with every promise of the protocol checked throughout."""

import os
import subprocess
import sys

import pytest

from tests.simulation.campaign import Level, play

CORE_SESSIONS, CORE_BLOCK = 20_000, 2_000
HOST_SESSIONS, HOST_BLOCK = 400, 100
SOCKET_SESSIONS, SOCKET_BLOCK = 200, 50


@pytest.mark.parametrize("first", range(0, CORE_SESSIONS, CORE_BLOCK))
def test_sessions_of_the_core_keep_every_promise(first):
    assert_all_pass(Level.CORE, range(first, first + CORE_BLOCK))


@pytest.mark.parametrize("first", range(0, HOST_SESSIONS, HOST_BLOCK))
def test_sessions_of_the_whole_runtime_keep_every_promise(first):
    assert_all_pass(Level.HOST, range(first, first + HOST_BLOCK))


@pytest.mark.parametrize("first", range(0, SOCKET_SESSIONS, SOCKET_BLOCK))
def test_sessions_over_every_connection_keep_every_promise(first):
    assert_all_pass(Level.SOCKET, range(first, first + SOCKET_BLOCK))


def assert_all_pass(level, seeds):
    for seed in seeds:
        failure = play(level, seed)
        assert failure is None, str(failure)


@pytest.mark.parametrize("level", Level)
def test_the_same_seed_gives_the_same_frames(level):
    def frames(seed):
        simulation = level.simulation(seed)
        simulation.run()
        return simulation.frames

    for seed in range(10):
        assert frames(seed) == frames(seed)
    assert frames(0) != frames(1)


@pytest.mark.parametrize("level", Level)
def test_a_single_session_is_shown_the_same_in_any_process(level):
    def shown(hash_seed):
        options = ["--level", level.value, "--sessions", "1", "--seed", "5"]
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", *options],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    assert "session.created" in shown("1")
    assert shown("1") == shown("2")
