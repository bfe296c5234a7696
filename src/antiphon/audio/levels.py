"""How loud audio is."""

from __future__ import annotations

import numpy as np

from antiphon.audio.formats import Floats

__all__ = ["SILENCE_DBFS", "levels_dbfs"]

SILENCE_DBFS = -100.0
"""The level of digital silence, in place of minus infinity: about what rounding to 16 bits adds."""

_FAINTEST = 10 ** (SILENCE_DBFS / 10)


def levels_dbfs(frames: Floats) -> list[float]:
    """Return the mean square of each frame, in decibels of full scale.

    Args:
        frames: Shape (n, samples), float32 in -1.0 … 1.0.
    """
    squares = np.einsum("ij,ij->i", frames, frames) / frames.shape[1]
    levels: list[float] = (10 * np.log10(squares + _FAINTEST)).tolist()
    return levels
