"""Audio that is kept, as files that everything plays."""

from __future__ import annotations

import io
from collections.abc import Sequence

import anyio
import numpy as np
import soundfile
from starlette.responses import Response

from antiphon.audio.lossless import unpack

__all__ = ["wav_response"]


async def wav_response(flacs: Sequence[bytes]) -> Response:
    """Return an answer with the audio of FLAC files of one rate, one after the other, as WAV."""
    file = await anyio.to_thread.run_sync(_wav, flacs)
    return Response(file, media_type="audio/wav")


def _wav(flacs: Sequence[bytes]) -> bytes:
    decoded = [unpack(flac) for flac in flacs]
    rates_hz = {rate_hz for _, rate_hz in decoded}
    assert len(rates_hz) == 1, "a response is spoken in one format"
    file = io.BytesIO()
    samples = np.concatenate([samples for samples, _ in decoded])
    soundfile.write(file, samples, rates_hz.pop(), format="WAV", subtype="PCM_16")
    return file.getvalue()
