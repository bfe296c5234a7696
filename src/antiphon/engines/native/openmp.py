"""How long the threads of native libraries wait for each other before they sleep."""

from __future__ import annotations

import os

__all__ = ["spin_briefly"]

_SPINS = "1000"
"""Some microseconds; quiet machines do not notice the difference."""


def spin_briefly() -> None:
    """Say so to GNU's OpenMP runtime, unless the operator has said otherwise.

    Call it before a library is loaded that brings this runtime (llama.cpp, CTranslate2): each reads
    the variable once. Their threads wait for each other by spinning, hundreds of times a token. On
    cores that others use as well that costs far more than it saves: measured beside two busy
    processes, llama.cpp's first token came after 310 ms instead of 3100.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
