"""What the tests of the embedded engines share: their weights, and speech to give them."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphon.engines.base import EngineSettings, Floats, Role
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.weights.store import default_home, missing_files, path_of

SPEECH = Path(__file__).parents[1] / "data" / "speech"


def settings_of(role: Role, name: str | None = None, **options: Any) -> EngineSettings:
    """Settings of an embedded engine; without its weights the test fails."""
    catalogue = builtin_catalogue()
    entry = catalogue.find(role, name) if name else catalogue.default(role)
    home = default_home()
    if missing_files(entry, home):
        pytest.fail(
            f"The weights of {entry.name} are not under {home}. "
            f"Run: antiphon models fetch {entry.name}"
        )
    return EngineSettings(
        name=entry.name,
        files={key: path_of(file, home) for key, file in entry.files.items()},
        options={**entry.options, **options},
        threads=2,
    )


def speech(name: str) -> Floats:
    """A clip of tests/data/speech: shape (n,), float32 at 16 kHz."""
    with wave.open(str(SPEECH / f"{name}.wav")) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(clip.readframes(clip.getnframes()), "<i2")
    return samples.astype(np.float32) / np.float32(32_768)
