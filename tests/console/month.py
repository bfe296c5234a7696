"""A month of conversations, as a server would have kept them, for pages that show how it does."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from msgspec.structs import replace

from antiphon.store.records import Record, ResponseKept
from antiphon.store.store import Store
from antiphon.wire.codec import encode
from antiphon.wire.response import (
    InputTokenDetails,
    OutputTokenDetails,
    RealtimeResponse,
    RealtimeResponseError,
    RealtimeResponseStatus,
    RealtimeResponseUsage,
)
from tests.support.kept import BEGIN_S, kept, opened
from tests.support.sound import speech

__all__ = ["keep_month"]

DAYS = 30
_DAY_S = 24 * 3600

_TALK = (
    ("Is the pharmacy on Harbour Street open today?", "Yes, until seven this evening."),
    ("What is the last ferry to Nesodden?", "The last one leaves at a quarter to midnight."),
    ("Can you move my appointment to Thursday?", "Of course. Thursday at ten is free; I took it."),
    ("How long do I boil an egg?", "Seven minutes for a soft yolk, ten for a firm one."),
    ("What did the invoice from March come to?", "It came to four hundred and twelve crowns."),
    ("Remind me to call Ann at noon.", "I will remind you to call Ann at twelve o'clock."),
    ("Is it going to rain tomorrow?", "There are showers in the morning, and it clears by noon."),
    ("How do I reset the thermostat?", "Hold both arrows for five seconds until it blinks."),
)
_CALLERS = ("ann", "bob", "carla", "dmitri", "eve")
_SITES = ("oslo", "bergen", "tromsø")
_FAILURES = (
    ("context_length_exceeded", "The conversation has 9,012 tokens; the model reads 8,192."),
    ("engine_failed", "The synthesizer kokoro-82m ended: out of memory."),
    ("server_error", "llama-3b has been silent for 60 s and is loaded anew."),
)


async def keep_month(store: Store, until_s: float, *, seed: int = 7) -> None:
    """Keep some hundreds of responses, the last of them just now.

    Args:
        store: Where.
        until_s: When the month ends, seconds since 1970.
        seed: Of all that is left to chance.
    """
    for record in _month(until_s, random.Random(seed)):
        store.put(record)
    await store.flush()


def _month(until_s: float, chance: random.Random) -> Iterator[Record]:
    number = 0
    for conversation, begin_s in enumerate(_begins(until_s, chance)):
        names = f"sess_{conversation:04}", f"conv_{conversation:04}"
        key = chance.choices(("kiosk", "phone", "tests"), (5, 3, 1))[0]
        model = "quick" if chance.random() < 0.3 else "antiphon"
        metadata = {"caller": chance.choice(_CALLERS), "site": chance.choice(_SITES)}
        began = opened(names[0], conversation=names[1], key=key)
        yield replace(began, model=model, opened_at=round(begin_s * 1_000_000))
        at_s = begin_s
        for _ in range(chance.randint(2, 5)):
            number += 1
            at_s += chance.uniform(6, 25)
            if at_s > until_s:
                return
            asked, said = chance.choice(_TALK)
            *items, response = kept(
                number,
                after_s=at_s - BEGIN_S,
                metadata=metadata,
                model=model,
                key=key,
                heard=asked,
                said=said,
                moments=_moments(chance, model, begin_s, 55 * len(said)),
                pcm=speech(900) if until_s - begin_s < _DAY_S else None,
                session=names[0],
                conversation=names[1],
            )
            assert isinstance(response, ResponseKept), "it comes last"
            yield from items
            yield _varied(response, chance)


def _begins(until_s: float, chance: random.Random) -> list[float]:
    """Return when conversations begin: more of them by day than by night, and of late."""
    begins = []
    for hour in range(DAYS * 24):
        at_s = until_s - (DAYS * 24 - hour) * 3600
        daylight = max(0.2, math.sin((at_s % _DAY_S) / _DAY_S * 2 * math.pi - math.pi / 2))
        of_late = 8 if hour >= (DAYS - 1) * 24 else 3
        count = round(daylight * of_late * chance.uniform(0.2, 1.1))
        begins += [at_s + chance.uniform(0, 3500) for _ in range(count)]
    return sorted([*begins, until_s - 90])


def _moments(
    chance: random.Random, model: str, begin_s: float, spoken_ms: float
) -> dict[str, float]:
    """Return where the time of a turn went; afternoons are slower."""
    load = 1 + 0.6 * max(0, math.sin((begin_s % _DAY_S) / _DAY_S * 2 * math.pi - 2))
    slow = load * chance.lognormvariate(0, 0.35) * (0.6 if model == "quick" else 1)
    steps = (
        ("speech_ended", 0.0),
        ("transcribed", 140 * slow),
        ("turn_ended", 180.0),
        ("created", 2.0),
        ("started", 1.0),
        ("prompt_read", 60 * slow),
        ("first_token", 45 * slow),
        ("first_segment", 130 * slow),
        ("first_audio", 95 * slow),
        ("ended", float(spoken_ms)),
    )
    moments, at_ms = {}, 0.0
    for name, took_ms in steps:
        at_ms += took_ms
        moments[name] = round(at_ms, 1)
    return moments


def _varied(kept_as: ResponseKept, chance: random.Random) -> ResponseKept:
    """Return a response with usage of its own, that may have ended in another way."""
    response = replace(kept_as.response, usage=_usage(chance))
    ending = chance.random()
    if ending < 0.04:
        code, message = chance.choice(_FAILURES)
        error = RealtimeResponseError(type="server_error", code=code, message=message)
        response = _ended(response, RealtimeResponseStatus(type="failed", error=error))
    elif ending < 0.14:
        response = _ended(
            response, RealtimeResponseStatus(type="cancelled", reason="turn_detected")
        )
    elif ending < 0.17:
        response = _ended(
            response, RealtimeResponseStatus(type="incomplete", reason="max_output_tokens")
        )
    usage = response.usage
    assert usage is not None
    cost = None if kept_as.model == "quick" else 4 * usage.input_tokens + 16 * usage.output_tokens
    return replace(kept_as, response=response, body=encode(response), cost_micros=cost)


def _ended(response: RealtimeResponse, details: RealtimeResponseStatus) -> RealtimeResponse:
    output = () if details.type == "failed" else response.output
    return replace(response, status=details.type, status_details=details, output=output)


def _usage(chance: random.Random) -> RealtimeResponseUsage:
    text, audio = chance.randint(200, 1500), chance.randint(20, 90)
    written, spoken = chance.randint(12, 40), chance.randint(40, 160)
    return RealtimeResponseUsage(
        total_tokens=text + audio + written + spoken,
        input_tokens=text + audio,
        output_tokens=written + spoken,
        input_token_details=InputTokenDetails(
            text_tokens=text, audio_tokens=audio, cached_tokens=round(0.7 * text)
        ),
        output_token_details=OutputTokenDetails(text_tokens=written, audio_tokens=spoken),
    )
