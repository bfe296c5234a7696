from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.config import ApiKey, Config, Limits, Price, hash_line
from antiphon.core.rate_limits import Overspent
from antiphon.errors import BusyError
from antiphon.runtime.costs import Spent
from antiphon.runtime.rate_limits import KeyAccount, KeyAccounts, TokenBucket
from antiphon.wire.response import RealtimeResponseUsage

LIMITS = st.integers(1, 1_000_000)
WAITS_S = st.floats(0, 120)
AMOUNTS = st.integers(0, 100_000)


def used(tokens: int) -> RealtimeResponseUsage:
    return RealtimeResponseUsage(total_tokens=tokens, output_tokens=tokens)


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
    account.spend(used(90), 0.0)
    exceeded = account.admit(0.0)
    assert exceeded == ("tokens", 60, 31.0)
    assert account.admit(30.9) is not None
    assert account.admit(31.0) is None


def test_of_two_limits_the_one_that_takes_longer_is_told():
    account = KeyAccount(Limits(requests_per_minute=60, tokens_per_minute=60))
    for _ in range(60):
        assert account.admit(0.0) is None
    assert account.admit(0.0) == ("requests", 60, 1.0)
    account.spend(used(100), 0.0)
    assert account.admit(0.0) == ("tokens", 60, 41.0)


def test_only_limits_that_there_are_are_told():
    both = KeyAccount(Limits(requests_per_minute=1, tokens_per_minute=2))
    assert [one.name for one in both.figures(0.0)] == ["requests", "tokens"]
    assert [one.name for one in KeyAccount(Limits(tokens_per_minute=2)).figures(0.0)] == ["tokens"]


# --- all keys -------------------------------------------------------------------------------------

OWN, DEFAULT = Limits(requests_per_minute=1), Limits(requests_per_minute=5)
NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC
DAY_S = 86_400.0


class Clock:
    """Seconds since 1970, as the test has them."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def accounts(
    default: Limits | None = DEFAULT, clock: Clock | None = None, **fields: object
) -> KeyAccounts:
    keys = (
        ApiKey(name="own", hash=hash_line("a"), rate_limits=OWN),
        ApiKey(name="free", hash=hash_line("b"), rate_limits=Limits()),
        ApiKey(name="other", hash=hash_line("c")),
    )
    given = {"keys": keys, "rate_limits": default, **fields}
    return KeyAccounts(Config(home=Path("unused"), **given), clock or Clock())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "limit"), [("own", 1), ("other", 5), ("key-0a1b2c3d", 5), (None, 5)]
)
def test_each_key_has_its_own_limits_or_the_default(name, limit):
    assert [one.limit for one in accounts().of(name).figures(0.0)] == [limit]


def test_a_key_may_have_no_limits():
    for account in (accounts().of("free"), accounts(None).of("other")):
        assert account.figures(0.0) == ()
        account.spend(used(10**9), 0.0)
        assert [account.admit(0.0) for _ in range(1_000)] == [None] * 1_000


def test_a_key_has_one_account_and_shares_it_with_no_other():
    kept = accounts()
    assert kept.of("other") is kept.of("other")
    assert kept.of("other") is not kept.of("key-0a1b2c3d")


def test_new_limits_hold_for_accounts_that_are_in_use_and_what_has_been_spent_stays_so():
    kept = accounts()
    own, other = kept.of("own"), kept.of("other")
    own.spending.restore(Spent(5, 7))
    other.admit(0.0)
    limits = Limits(requests_per_minute=9)
    renewed = ApiKey(name="own", hash=hash_line("a"), rate_limits=limits)
    kept.renew(Config(home=Path("unused"), keys=(renewed,), rate_limits=DEFAULT))
    assert [one.limit for one in own.figures(0.0)] == [9]
    assert own.spending.spent == (5, 7)
    assert other.figures(0.0)[0].remaining == 4  # its limits are the same, and so is what is left


# --- sessions at once -----------------------------------------------------------------------------


def test_a_key_has_no_more_sessions_at_once_than_it_may_and_others_do_not_matter():
    kept = accounts(Limits(max_sessions=1))
    with kept.of("other").place():
        with pytest.raises(BusyError, match="1 sessions at once") as refusal:
            kept.check("other", 0.0)
        assert refusal.value.code == "rate_limit_exceeded"
        assert refusal.value.retry_after_s > 0
        kept.check("free", 0.0)
        kept.check(None, 0.0)
    kept.check("other", 0.0)


# --- costs ----------------------------------------------------------------------------------------

PRICES = {"dear": Price(output=1_000_000.0), "*": Price(output=1.0)}  # one a token; a millionth
A_DAY = Limits(spend_per_day=3.0)
A_MONTH = Limits(spend_per_day=3.0, spend_per_month=4.0)


def test_the_model_decides_what_a_response_costs_and_all_models_add_up():
    account = accounts(A_DAY, prices=PRICES).with_model("other", "dear")
    account.spend(used(2), 0.0)
    assert account.exceeded(0.0) is None
    cheap = accounts(A_DAY, prices=PRICES).with_model("other", "cheap")
    cheap.spend(used(2_999_999), 0.0)
    assert cheap.exceeded(0.0) is None
    cheap.spend(used(1), 0.0)
    assert cheap.exceeded(0.0) == Overspent("day", 3.0, "USD", DAY_S / 2)


def test_at_midnight_a_day_is_over_and_on_the_first_a_month():
    clock = Clock()
    account = accounts(A_MONTH, clock, prices=PRICES).with_model("other", "dear")
    account.spend(used(3), 0.0)
    assert account.admit(0.0) == Overspent("day", 3.0, "USD", DAY_S / 2)
    clock.now += DAY_S / 2
    assert account.admit(0.0) is None
    account.spend(used(1), 0.0)
    assert account.admit(0.0) == Overspent("month", 4.0, "USD", 16 * DAY_S)  # to February
    clock.now += 16 * DAY_S
    assert account.admit(0.0) is None


def test_who_has_spent_it_all_is_told_as_the_hosted_service_does():
    kept = accounts(A_DAY, prices=PRICES, currency="EUR")
    kept.restore({"other": Spent(3_000_000, 3_000_000)})
    with pytest.raises(BusyError, match="exceeded your current quota: 3 EUR per day") as refusal:
        kept.check("other", 0.0)
    assert (refusal.value.code, refusal.value.type) == ("insufficient_quota", "insufficient_quota")
    assert refusal.value.retry_after_s == DAY_S / 2
    kept.check("own", 0.0)


def test_another_currency_holds_for_accounts_that_are_in_use():
    kept = accounts(A_DAY, prices=PRICES, currency="EUR")
    kept.restore({"other": Spent(3_000_000, 3_000_000)})
    kept.renew(Config(home=Path("unused"), rate_limits=A_DAY, prices=PRICES, currency="CHF"))
    with pytest.raises(BusyError, match="3 CHF per day"):
        kept.check("other", 0.0)


def test_limits_of_what_is_spent_are_none_of_the_two_that_the_wire_has_names_for():
    assert accounts(A_MONTH, prices=PRICES).of("other").figures(0.0) == ()
