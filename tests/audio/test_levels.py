import numpy as np
import pytest

from antiphon.audio.levels import SILENCE_DBFS, levels_dbfs


def test_levels_are_of_full_scale_and_of_each_frame_by_itself():
    sine = np.sin(np.arange(512) * 2 * np.pi / 32)
    frames = np.stack([np.ones(512), np.full(512, 0.1), sine]).astype(np.float32)
    assert levels_dbfs(frames) == pytest.approx([0, -20, -3.01], abs=0.01)


def test_digital_silence_has_a_level():
    assert levels_dbfs(np.zeros((1, 512), np.float32)) == pytest.approx([SILENCE_DBFS])


def test_without_frames_there_are_no_levels():
    assert levels_dbfs(np.zeros((0, 512), np.float32)) == []
