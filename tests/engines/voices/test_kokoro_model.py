"""Kokoro's network, window by window."""

from __future__ import annotations

import pytest

from antiphon.engines.voices.kokoro_model import KokoroModel, windows
from antiphon.errors import EngineError
from tests.engines.native.test_onnx_parts import model  # noqa: F401 (a fixture)


@pytest.mark.parametrize("frames", [1, 71, 72, 103, 104, 400, 3000])
def test_windows_cover_every_frame_once_and_see_beyond_their_ends(frames):
    cut = list(windows(frames))
    assert cut[0].start == 0
    assert [window.end for window in cut] == [*(window.start for window in cut[1:]), frames]
    for window in cut:
        assert 0 <= window.seen_from <= window.start < window.end <= window.seen_to <= frames
        assert window.seen_to == frames or window.seen_to > window.end


def test_the_first_window_is_the_shortest():
    lengths = [window.end - window.start for window in windows(1000)]
    assert lengths[0] == min(lengths)


def test_a_short_rest_is_no_window_of_its_own():
    assert len(list(windows(90))) == 1


def test_another_model_is_refused(model, tmp_path):  # noqa: F811 (the fixture)
    with pytest.raises(EngineError, match="no export of Kokoro") as caught:
        KokoroModel(tmp_path / "squares.onnx")
    assert caught.value.code == "weights_unreadable"
