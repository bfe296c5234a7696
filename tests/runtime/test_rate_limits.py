from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.config import ApiKey, Limits, hash_line
from antiphon.runtime.rate_limits import KeyAccount, KeyAccounts, TokenBucket

LIMITS = st.integers(1, 1_000_000)
WAITS_S = st.floats(0, 120)
AMOUNTS = st.integers(0, 100_000)


# --- one limit ------------------------------------------------------------------------------------


def test_a_bucket_is_full_at_the_beginning_whenever_that_is():
    for now in (0.0, 1e9):
        figures = TokenBucket("requests", 6).figures(now)
        assert (figures.limit, figures.remaining, figures.reset_seconds) == (6, 6, 0)


def test_what_is_taken_comes_back_evenly():
    bucket = TokenBucket("requests", 6)  # one in ten seconds
    bucket.take(2, 0.0)
    assert (bucket.figures(0.0).remaining, bucket.figures(0.0).reset_seconds) == (4, 20)
    assert (bucket.figures(5.0).remaining, bucket.figures(5.0).reset_seconds) == (4, 15)
    assert (bucket.figures(10.0).remaining, bucket.figures(10.0).reset_seconds) == (5, 10)
    assert (bucket.figures(99.0).remaining, bucket.figures(99.0).reset_seconds) == (6, 0)


def test_the_figures_are_those_of_the_hosted_service():
    bucket = TokenBucket("tokens", 15_000_000)
    bucket.take(629, 0.0)
    figures = bucket.figures(0.0)
    assert figures.remaining == 14_999_371
    assert figures.reset_seconds == pytest.approx(0.002, abs=1e-3)


@given(LIMITS, st.lists(st.tuples(WAITS_S, AMOUNTS), max_size=20))
def test_who_waits_as_long_as_told_finds_something_and_not_before(limit, uses):
    bucket, now = TokenBucket("tokens", limit), 0.0
    for waited_s, amount in uses:
        now += waited_s
        bucket.take(amount, now)
        figures = bucket.figures(now)
        assert 0 <= figures.remaining <= limit
        wait_s = bucket.wait_s(now)
        assert (wait_s == 0) == (figures.remaining >= 1) or wait_s < 1e-3
        if wait_s > 1e-3:
            assert bucket.wait_s(now + 0.9 * wait_s) > 0
        now += wait_s
        assert bucket.wait_s(now) <= 1e-6
    assert bucket.figures(now + bucket.figures(now).reset_seconds + 0.001).remaining == limit


@given(LIMITS, st.lists(st.tuples(WAITS_S, st.integers(0, 50)), max_size=30))
def test_no_more_is_given_than_the_limit_and_what_came_in(limit, uses):
    bucket, now, taken = TokenBucket("tokens", limit), 0.0, 0
    for waited_s, amount in uses:
        now += waited_s
        if bucket.figures(now).remaining >= amount:
            bucket.take(amount, now)
            taken += amount
    assert taken <= math.ceil(limit + now * limit / 60 + 1e-6)


def test_a_clock_that_stands_behind_takes_nothing_back():
    bucket = TokenBucket("requests", 6)
    bucket.take(6, 100.0)
    assert bucket.figures(50.0) == bucket.figures(100.0)


# --- one key --------------------------------------------------------------------------------------


def test_requests_count_as_they_are_admitted_and_a_refused_one_counts_nothing():
    account = KeyAccount(Limits(requests_per_minute=2))
    assert account.admit(0.0) is None
    assert account.admit(0.0) is None
    for _ in range(3):
        assert account.admit(0.0) == ("requests", 2, 30.0)
    assert account.admit(30.0) is None


def test_tokens_count_as_they_are_spent_and_debts_are_worked_off():
    account = KeyAccount(Limits(tokens_per_minute=60))
    account.spend(90, 0.0)
    exceeded = account.admit(0.0)
    assert exceeded == ("tokens", 60, 31.0)
    assert account.admit(30.9) is not None
    assert account.admit(31.0) is None


def test_of_two_limits_the_one_that_takes_longer_is_told():
    account = KeyAccount(Limits(requests_per_minute=60, tokens_per_minute=60))
    for _ in range(60):
        assert account.admit(0.0) is None
    assert account.admit(0.0) == ("requests", 60, 1.0)
    account.spend(100, 0.0)
    assert account.admit(0.0) == ("tokens", 60, 41.0)


def test_only_limits_that_there_are_are_told():
    both = KeyAccount(Limits(requests_per_minute=1, tokens_per_minute=2))
    assert [one.name for one in both.figures(0.0)] == ["requests", "tokens"]
    assert [one.name for one in KeyAccount(Limits(tokens_per_minute=2)).figures(0.0)] == ["tokens"]


# --- all keys -------------------------------------------------------------------------------------

OWN, DEFAULT = Limits(requests_per_minute=1), Limits(requests_per_minute=5)


def accounts(default: Limits | None = DEFAULT) -> KeyAccounts:
    own = ApiKey(name="own", hash=hash_line("a"), rate_limits=OWN)
    free = ApiKey(name="free", hash=hash_line("b"), rate_limits=Limits())
    return KeyAccounts([own, free, ApiKey(name="other", hash=hash_line("c"))], default)


@pytest.mark.parametrize(
    ("name", "limit"), [("own", 1), ("other", 5), ("api_keys[0]", 5), (None, 5)]
)
def test_each_key_has_its_own_limits_or_the_default(name, limit):
    account = accounts().of(name)
    assert account is not None
    assert [one.limit for one in account.figures(0.0)] == [limit]


def test_a_key_may_have_no_limits():
    assert accounts().of("free") is None
    assert accounts(None).of("other") is None
    assert accounts(None).of("own") is not None


def test_a_key_has_one_account_and_shares_it_with_no_other():
    kept = accounts()
    assert kept.of("other") is kept.of("other")
    assert kept.of("other") is not kept.of("api_keys[0]")
