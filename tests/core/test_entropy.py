import pytest

from antiphon.core.entropy import PADDING_STEP, padding_length


@pytest.mark.parametrize("length", range(1, 40))
def test_a_delta_with_its_padding_fills_whole_steps(length: int) -> None:
    padding = padding_length("x" * length)
    assert (length + padding) % PADDING_STEP == 0
    assert padding < PADDING_STEP


def test_an_empty_delta_is_padded_too() -> None:
    assert padding_length("") == PADDING_STEP


def test_padding_counts_characters_rather_than_bytes() -> None:
    assert padding_length("é") == padding_length("e")
