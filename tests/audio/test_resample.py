import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.audio.resample import Resampler, resampled_length

RATES_HZ = [(24_000, 16_000), (8_000, 16_000), (22_050, 24_000), (22_050, 8_000), (48_000, 16_000)]
rates = st.sampled_from(RATES_HZ)


def tone(frequency_hz, rate_hz, seconds=1.0):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def resample(audio, rate_hz, chunk_samples=()):
    resampler = Resampler(*rate_hz)
    chunks = np.split(audio, np.cumsum(np.array(chunk_samples, int)))
    return np.concatenate([*(resampler.push(chunk) for chunk in chunks), resampler.flush()])


def spectrum_db(audio):
    """Level in dB of each 1 Hz bin of the middle second, 0 dB being a tone of amplitude 0.5."""
    magnitude = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) * 8 / len(audio)
    return 20 * np.log10(np.maximum(magnitude, 1e-9))


@given(rates, st.integers(0, 5_000))
def test_flush_completes_the_stream_to_the_sample(rate_hz, samples):
    audio = np.zeros(samples, np.float32)
    assert len(resample(audio, rate_hz)) == resampled_length(samples, *rate_hz)


def test_length_is_the_nearest_sample():
    assert resampled_length(3, 24_000, 16_000) == 2
    assert resampled_length(4, 24_000, 16_000) == 3  # 2.67
    assert resampled_length(22_050 * 3_600, 22_050, 24_000) == 24_000 * 3_600


@given(rates, st.lists(st.integers(0, 900), max_size=12), st.integers(0, 2**32 - 1))
def test_chunk_borders_leave_no_trace(rate_hz, chunk_samples, seed):
    noise = np.random.default_rng(seed).uniform(-1, 1, 6_000).astype(np.float32)
    whole = resample(noise, rate_hz)
    pieces = resample(noise, rate_hz, chunk_samples)
    assert np.array_equal(whole, pieces)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_in_the_band_comes_through_alone_and_at_its_level(rate_hz):
    in_rate_hz, out_rate_hz = rate_hz
    frequency_hz = 3_000
    chunk_samples = [in_rate_hz // 50] * 99
    resampled = resample(tone(frequency_hz, in_rate_hz, 2.0), rate_hz, chunk_samples)
    level_db = spectrum_db(resampled[out_rate_hz // 2 : out_rate_hz // 2 + out_rate_hz])
    assert level_db[frequency_hz] == pytest.approx(0.0, abs=0.1)
    level_db[frequency_hz - 5 : frequency_hz + 6] = -180
    assert level_db.max() < -90


def test_what_the_lower_rate_cannot_carry_is_removed():
    resampled = resample(tone(11_000, 24_000, 2.0), (24_000, 16_000))
    assert spectrum_db(resampled[8_000:24_000]).max() < -90


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_resampled_tone_is_in_phase(rate_hz):
    in_rate_hz, out_rate_hz = rate_hz
    resampled = resample(tone(200, in_rate_hz), rate_hz)
    middle = slice(out_rate_hz // 4, -out_rate_hz // 4)
    # 0.3 ms of a 200 Hz tone is 0.19 of its amplitude.
    assert np.abs(resampled - tone(200, out_rate_hz))[middle].max() < 0.19


@pytest.mark.parametrize(
    ("rate_hz", "limit_ms"), [((24_000, 16_000), 3), ((8_000, 16_000), 5), ((22_050, 24_000), 2)]
)
def test_what_is_held_back_is_little_and_constant(rate_hz, limit_ms):
    in_rate_hz, out_rate_hz = rate_hz
    resampler = Resampler(in_rate_hz, out_rate_hz)
    audio = tone(440, in_rate_hz)
    heard_s, said_s, held_back_ms = 0.0, 0.0, []
    for chunk in np.split(audio, 50):
        heard_s += len(chunk) / in_rate_hz
        said_s += len(resampler.push(chunk)) / out_rate_hz
        held_back_ms.append((heard_s - said_s) * 1_000)
    assert max(held_back_ms[5:]) < limit_ms
    assert max(held_back_ms[5:]) - min(held_back_ms[5:]) < 1


def test_equal_rates_pass_chunks_through_untouched():
    resampler = Resampler(24_000, 24_000)
    chunk = tone(440, 24_000)
    assert resampler.push(chunk) is chunk
    assert len(resampler.flush()) == 0


def test_after_a_flush_the_next_stream_starts_fresh():
    resampler = Resampler(24_000, 16_000)
    first = np.concatenate([resampler.push(tone(440, 24_000)), resampler.flush()])
    second = np.concatenate([resampler.push(tone(440, 24_000)), resampler.flush()])
    assert np.array_equal(first, second)
