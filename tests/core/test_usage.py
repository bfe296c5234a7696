import json

import pytest

from antiphon.core.usage import INPUT_AUDIO_TOKENS_PER_S, UsageCount, audio_tokens
from antiphon.wire.codec import encode


@pytest.mark.parametrize(
    ("duration_ms", "tokens"), [(0, 0), (1, 1), (100, 1), (101, 2), (2400, 24), (2400.1, 25)]
)
def test_a_tenth_of_a_second_of_input_is_a_token(duration_ms: float, tokens: int) -> None:
    assert audio_tokens(duration_ms, INPUT_AUDIO_TOKENS_PER_S) == tokens


def test_a_response_that_never_began_used_nothing() -> None:
    usage = UsageCount()
    usage.heard(50)
    assert json.loads(encode(usage.total())) == {
        "total_tokens": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "input_token_details": {
            "text_tokens": 0,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
    }


def test_totals_are_the_sums_of_their_details() -> None:
    usage = UsageCount()
    usage.heard(11)
    usage.read(100, 30)
    usage.wrote(7)
    usage.spoke(1010)
    total = usage.total()
    assert total.input_token_details.text_tokens == 100
    assert total.input_token_details.audio_tokens == 11
    assert total.input_tokens == 111
    assert total.output_token_details.text_tokens == 7
    assert total.output_token_details.audio_tokens == 21
    assert total.output_tokens == 28
    assert total.total_tokens == 139


def test_cached_tokens_are_part_of_the_input() -> None:
    usage = UsageCount()
    usage.read(20, 50)
    assert usage.total().input_token_details.cached_tokens == 20


def test_an_interrupted_response_counts_what_was_generated_so_far() -> None:
    usage = UsageCount()
    usage.wrote(3)
    usage.wrote(2)
    assert usage.total().output_tokens == 5


def test_the_engines_own_total_replaces_the_running_count() -> None:
    usage = UsageCount()
    usage.wrote(3)
    usage.wrote_in_all(9)
    assert usage.total().output_tokens == 9


def test_chunks_of_audio_are_rounded_up_together_rather_than_each() -> None:
    usage = UsageCount()
    for _ in range(10):
        usage.spoke(10)
    assert usage.total().output_token_details.audio_tokens == 2
