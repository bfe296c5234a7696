"""Sound for apps to send: what is to count as speech does, in every format."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.engines.scripted.script import Script
from antiphon.testing import silence, speech
from antiphon.wire.audio_config import PcmaFormat, PcmFormat, PcmuFormat


@pytest.mark.parametrize("audio_format", [None, PcmaFormat(), PcmuFormat()])
def test_speech_is_loud_and_silence_is_not(audio_format):
    codec = codec_of(audio_format or PcmFormat())
    for sound, is_loud in ((speech(300, audio_format), True), (silence(300, audio_format), False)):
        samples = codec.decode(sound)
        assert len(samples) == 300 * codec.rate_hz // 1000
        assert (np.sqrt(np.mean(np.square(samples))) > Script().speech_rms) == is_loud
