"""A translation with the engines that a new installation has, into the language they speak."""

from __future__ import annotations

import numpy as np
import soxr

from antiphon.ask import UNDERSTOOD, likeness
from antiphon.audio.formats import to_floats, to_int16s
from antiphon.engines.hearing import LISTENING_RATE_HZ
from tests.embedded.test_conversation import heard_back
from tests.engines.embedded import speech
from tests.support.translation import translating

SAID = "He might even have been made amiable himself."

PARAPHRASED = 0.6
"""How alike what was said and its translation are: half a billion parameters take liberties."""


async def test_what_is_said_in_english_is_said_again_in_english(engines, server):
    said = to_int16s(soxr.resample(speech("amiable"), LISTENING_RATE_HZ, 24_000)).tobytes()
    async with translating(server) as client:
        await client.until("session.created")
        settings = {"audio": {"input": {"transcription": {"model": "default"}}}}
        await client.send("session.update", session=settings)
        await client.append(said)
        await client.finish()
    assert likeness(SAID, client.ledger.source) >= UNDERSTOOD
    assert likeness(SAID, client.ledger.target) >= PARAPHRASED
    heard = await heard_back(engines, to_floats(np.frombuffer(client.ledger.sound, "<i2")))
    assert likeness(client.ledger.target, heard) >= UNDERSTOOD
