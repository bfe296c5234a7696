"""A server that keeps failing is left alone, and tried again."""

from __future__ import annotations

import pytest

from antiphon.engines.http.breaker import Circuit, CircuitBreaker


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(failures_in_a_row=3, rest_s=10, clock=clock)


def opened(breaker):
    for _ in range(3):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it(breaker):
    assert not opened(breaker).admit()
    assert breaker.circuit is Circuit.OPEN


def test_something_that_succeeds_in_between_is_a_new_beginning(breaker):
    for _ in range(3):
        breaker.failed()
        breaker.failed()
        breaker.answered()
        breaker.succeeded()
    assert breaker.admit()


def test_an_answer_that_breaks_off_is_no_success(breaker):
    for _ in range(3):
        assert breaker.admit()
        breaker.answered()
        breaker.failed()
    assert not breaker.admit()


def test_after_the_rest_one_request_finds_out(breaker, clock):
    opened(breaker)
    clock.now_s += 9.9
    assert not breaker.admit()
    clock.now_s += 0.1
    assert breaker.admit()
    assert not breaker.admit(), "the others wait for what comes of it"


def test_it_closes_as_soon_as_that_one_is_answered(breaker, clock):
    opened(breaker)
    clock.now_s += 10
    breaker.admit()
    breaker.answered()
    assert breaker.circuit is Circuit.CLOSED
    breaker.failed()
    assert not breaker.admit(), "one more failure is enough until something has succeeded"


def test_it_opens_again_if_that_one_fails(breaker, clock):
    opened(breaker)
    clock.now_s += 10
    breaker.admit()
    breaker.failed()
    clock.now_s += 9.9
    assert not breaker.admit()


def test_if_that_one_is_given_up_the_next_one_finds_out(breaker, clock):
    opened(breaker)
    clock.now_s += 10
    breaker.admit()
    breaker.abandoned()
    assert breaker.admit()


def test_requests_that_are_given_up_mean_nothing(breaker):
    for _ in range(5):
        assert breaker.admit()
        breaker.abandoned()
    assert breaker.circuit is Circuit.CLOSED
