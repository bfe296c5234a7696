from antiphon.core.clock import SAMPLES_PER_MS, Span


def test_every_whole_millisecond_is_a_position() -> None:
    assert Span(5 * SAMPLES_PER_MS, 12 * SAMPLES_PER_MS).duration_ms == 7
