"""The conversation that every client holds: a function call, a spoken turn, an interruption.

The user asks in writing how the weather is; the assistant calls a function, and says the answer.
The user says: count to sixteen. While the assistant counts, the user says: that is enough.
"""

from __future__ import annotations

from typing import Any

from antiphon.engines.scripted.script import Call, Say, Script, Sound, Take

__all__ = ["COUNT", "EXPECTED", "SCRIPT", "Told"]

Told = dict[str, Any]
"""What a client's program tells: ``told`` says what happened, the rest are its details."""

COUNT = (
    "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen."
)

SCRIPT = Script(
    answers=(
        Take((Call("get_weather", '{"city": "Oslo"}'),)),
        Take((Say("It is raining in Oslo."),)),
        Take((Say(COUNT),)),
        Take((Say("I have stopped."),)),
    ),
    transcriptions=(Take((Say("Count to sixteen."),)), Take((Say("That is enough."),))),
    # Counting goes on, in real time, until it is interrupted.
    speeches=(Take((Sound(60_000, every_ms=100),), when="one two"),),
    ms_per_character=20.0,
)
"""The server's part in it."""

EXPECTED: list[Told] = [
    {"told": "tool called", "city": "Oslo"},
    {"told": "answer", "text": "It is raining in Oslo."},
    {"told": "heard", "text": "Count to sixteen."},
    {"told": "interrupted"},
    {"told": "heard", "text": "That is enough."},
    {"told": "answer", "text": "I have stopped."},
]
"""What a client's program tells of it."""
