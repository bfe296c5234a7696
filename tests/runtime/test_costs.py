from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.config import Limits, Price
from antiphon.runtime.costs import Prices, Spending, cost_micros
from antiphon.wire.response import (
    CachedTokensDetails,
    InputTokenDetails,
    OutputTokenDetails,
    RealtimeResponseUsage,
)

USAGE = RealtimeResponseUsage(
    total_tokens=1360,
    input_tokens=1110,
    output_tokens=250,
    input_token_details=InputTokenDetails(
        text_tokens=1000,
        audio_tokens=100,
        image_tokens=10,
        cached_tokens=603,
        cached_tokens_details=CachedTokensDetails(text_tokens=600, audio_tokens=2, image_tokens=1),
    ),
    output_token_details=OutputTokenDetails(text_tokens=50, audio_tokens=200),
)


def test_every_kind_of_token_has_its_own_price():
    price = Price(
        input=4.0,
        cached_input=0.4,
        output=16.0,
        audio_input=32.0,
        cached_audio_input=0.5,
        audio_output=64.0,
        image_input=5.0,
        cached_image_input=1.0,
    )
    text, audio, images = 400 * 4 + 600 * 0.4, 98 * 32 + 2 * 0.5, 9 * 5 + 1
    assert cost_micros(USAGE, price) == round(text + audio + images + 50 * 16 + 200 * 64)


def test_a_price_that_is_left_out_is_that_of_text_or_of_what_is_not_cached():
    assert cost_micros(USAGE, Price(input=1.0, output=2.0)) == 1110 + 2 * 250
    assert cost_micros(USAGE, Price(audio_input=3.0)) == 300
    assert cost_micros(USAGE, Price()) == 0


def test_tokens_without_details_cost_as_text():
    usage = RealtimeResponseUsage(total_tokens=30, input_tokens=10, output_tokens=20)
    price = Price(input=1.0, output=2.0, audio_input=9.0, audio_output=9.0)
    assert cost_micros(usage, price) == 50


@pytest.mark.parametrize(
    ("model", "output"), [("dear", 9.0), ("fast-1", 2.0), ("fast-2", 3.0), ("other", 1.0)]
)
def test_a_model_costs_what_its_name_says_or_else_the_first_pattern_that_fits(model, output):
    prices = Prices(
        {
            "fast-1": Price(output=2.0),
            "fast-*": Price(output=3.0),
            "*": Price(output=1.0),
            "dear": Price(output=9.0),
        }
    )
    assert prices.of(model) == Price(output=output)


def test_a_model_without_a_price_has_no_costs_and_a_free_one_has_none_to_pay():
    prices = Prices({"free": Price()})
    assert prices.cost_micros("other", USAGE) is None
    assert prices.cost_micros("free", USAGE) == 0
    assert prices.cost_micros("free", None) is None


@given(st.lists(st.tuples(st.floats(0, 86_400 * 3), st.integers(0, 10**9)), max_size=30))
def test_a_day_holds_what_was_spent_in_it_and_a_month_no_less(uses):
    now_s = 1_800_000_000.0
    spending = Spending(lambda: now_s)
    by_day: dict[int, int] = {}
    for waited_s, micros in uses:
        now_s += waited_s
        spending.add(micros)
        today = int(now_s // 86_400)
        by_day[today] = by_day.get(today, 0) + micros
        assert spending.spent.day_micros == by_day[today]
        assert spending.spent.month_micros >= by_day[today]
        limits = Limits(spend_per_day=1.0)
        beyond = spending.exceeded(limits, "USD")
        assert (beyond is not None) == (by_day[today] >= 1_000_000)
        assert beyond is None or 0 < beyond.wait_s <= 86_400


def test_a_clock_that_is_put_back_over_midnight_forgets_nothing():
    midnight_s = 1_798_761_600.0  # the first of a month
    now_s = midnight_s - 1
    spending = Spending(lambda: now_s)
    spending.add(5)
    now_s = midnight_s + 1
    spending.add(7)
    assert spending.spent == (7, 7)
    now_s = midnight_s - 0.5
    assert spending.spent == (5, 5)
    now_s = midnight_s + 0.5
    assert spending.spent == (7, 7)
