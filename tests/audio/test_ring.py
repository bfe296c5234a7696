import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.audio.formats import to_floats
from antiphon.audio.ring import Ring


def counting(start, samples):
    """Samples whose value tells their position."""
    return to_floats((np.arange(start, start + samples) % 32_768).astype(np.int16))


def filled(samples, capacity_samples=100_000):
    ring = Ring(capacity_samples=capacity_samples)
    ring.append(counting(0, samples))
    return ring


class RingMachine(RuleBasedStateMachine):
    """Any order of appends, drops and reads, compared with a plain stream of counted samples."""

    @initialize(capacity_samples=st.integers(0, 80_000))
    def make(self, capacity_samples):
        self.capacity_samples = capacity_samples
        self.ring = Ring(capacity_samples=capacity_samples)
        self.start = self.end = 0

    @rule(samples=st.integers(0, 40_000))
    def append(self, samples):
        chunk = counting(self.end, samples)
        if self.end - self.start + samples > self.capacity_samples:
            with pytest.raises(BufferError):
                self.ring.append(chunk)
        else:
            self.ring.append(chunk)
            self.end += samples

    @rule(sample=st.integers(-5, 200_000))
    def drop(self, sample):
        new_start = min(max(sample, self.start), self.end)
        assert self.ring.drop_before(sample) == new_start - self.start
        self.start = new_start

    @precondition(lambda self: self.end > self.start)
    @rule(portion=st.tuples(st.floats(0, 1), st.floats(0, 1)))
    def read(self, portion):
        kept = self.end - self.start
        first, last = sorted(self.start + round(part * kept) for part in portion)
        assert np.array_equal(self.ring.read(first, last), counting(first, last - first))

    @invariant()
    def window_is_exact(self):
        assert (self.ring.start, self.ring.end) == (self.start, self.end)
        assert self.ring.room_samples == self.capacity_samples - (self.end - self.start)


TestRing = RingMachine.TestCase


def test_samples_keep_their_number_after_older_ones_are_dropped():
    ring = filled(50_000)
    ring.drop_before(40_000)
    assert np.array_equal(ring.read(45_000, 45_003), counting(45_000, 3))


def test_reading_what_was_dropped_says_what_is_kept():
    ring = filled(50_000)
    ring.drop_before(40_000)
    with pytest.raises(LookupError, match=r"39999 to 41000 .* only 40000 to 50000"):
        ring.read(39_999, 41_000)


def test_reading_what_was_not_heard_yet_is_refused():
    with pytest.raises(LookupError):
        filled(10).read(5, 11)


def test_a_span_is_a_copy():
    ring = filled(10)
    ring.read(0, 10)[:] = 1.0
    assert np.array_equal(ring.read(0, 10), counting(0, 10))


def test_an_append_that_does_not_fit_changes_nothing():
    ring = filled(90, capacity_samples=100)
    with pytest.raises(BufferError, match=r"11 samples do not fit: .* room for 10"):
        ring.append(counting(90, 11))
    assert (ring.start, ring.end) == (0, 90)


@given(st.lists(st.floats(-2, 2, width=32), max_size=50))
def test_samples_are_kept_to_within_half_a_16_bit_step(values):
    ring = Ring(capacity_samples=50)
    samples = np.array(values, np.float32)
    ring.append(samples)
    error = np.abs(ring.read(0, len(samples)) - np.clip(samples, -1.0, 32_767 / 32_768))
    assert error.max(initial=0.0) <= 0.5 / 32_768


def test_memory_is_given_back_as_the_conversation_goes_on():
    ring = Ring(capacity_samples=16_000 * 60)
    for _ in range(600):  # ten minutes, of which one second is kept
        ring.append(counting(ring.end, 16_000))
        ring.drop_before(ring.end - 16_000)
    assert 0 < sum(sys.getsizeof(block) for block in ring._blocks) < 3 * 16_384 * 2 + 1_000


def test_an_empty_ring_holds_no_memory():
    ring = filled(3 * 16_384)
    ring.drop_before(ring.end)
    assert not ring._blocks
