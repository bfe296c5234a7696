import json
from collections.abc import Iterable

import pytest

from antiphon.core.conversation import Entry
from antiphon.core.usage import INPUT_AUDIO_TOKENS_PER_S, UsageCount, audio_tokens
from antiphon.wire.codec import encode
from antiphon.wire.items import InputAudio, Message


def heard(*durations_ms: float) -> list[Entry]:
    return [
        Entry(Message(id=f"item_{n}", role="user", content=(InputAudio(),)), audio_ms=duration_ms)
        for n, duration_ms in enumerate(durations_ms)
    ]


def count(context: Iterable[Entry] = ()) -> UsageCount:
    return UsageCount(context)


@pytest.mark.parametrize(
    ("duration_ms", "tokens"), [(0, 0), (1, 1), (100, 1), (101, 2), (2400, 24), (2400.1, 25)]
)
def test_a_tenth_of_a_second_of_input_is_a_token(duration_ms: float, tokens: int) -> None:
    assert audio_tokens(duration_ms, INPUT_AUDIO_TOKENS_PER_S) == tokens


def test_a_response_that_never_began_used_nothing() -> None:
    usage = json.loads(encode(count(heard(5000)).total()))
    assert usage == {
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
    usage = count(heard(1000, 50))
    usage.read(100, 30)
    usage.wrote(7)
    usage.spoke(1010)
    total = usage.total()
    assert total.input_token_details.text_tokens == 100
    assert total.input_token_details.audio_tokens == 11  # each item rounded up
    assert total.input_tokens == 111
    assert total.output_token_details.text_tokens == 7
    assert total.output_token_details.audio_tokens == 21
    assert total.output_tokens == 28
    assert total.total_tokens == 139


def test_cached_tokens_are_part_of_the_input() -> None:
    usage = count()
    usage.read(20, 50)
    assert usage.total().input_token_details.cached_tokens == 20


def test_an_interrupted_response_counts_what_was_generated_so_far() -> None:
    usage = count()
    usage.wrote(3)
    usage.wrote(2)
    assert usage.total().output_tokens == 5


def test_the_engines_own_total_replaces_the_running_count() -> None:
    usage = count()
    usage.wrote(3)
    usage.wrote_in_all(9)
    assert usage.total().output_tokens == 9


def test_chunks_of_audio_are_rounded_up_together_rather_than_each() -> None:
    usage = count()
    for _ in range(10):
        usage.spoke(10)
    assert usage.total().output_token_details.audio_tokens == 2
