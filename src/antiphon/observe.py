"""Where the time of a turn went.

Every response leaves a :class:`Timeline`: the moments between the last word of the question and
the first sound of the answer. The latest are kept in memory for the console, the benchmarks and
``antiphon ask``; clients of the protocol never see them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from enum import Enum

__all__ = ["KEPT_TIMELINES", "STAGES", "Moment", "Timeline", "TimelineLog", "stages_ms"]

KEPT_TIMELINES = 1000


class Moment(Enum):
    """What can be timed in a turn, in the usual order."""

    SPEECH_ENDED = "speech_ended"
    """The last frame with speech in it was heard."""
    TURN_ENDED = "turn_ended"
    """The turn was confirmed to be over, or committed by the client."""
    CREATED = "created"
    """The response came into being."""
    TRANSCRIBED = "transcribed"
    """The words of the turn were known."""
    GUESSED = "guessed"
    """The answer was begun before the turn was confirmed, and what it yielded was held back."""
    GUESS_DROPPED = "guess_dropped"
    """That was for nothing: something had changed when the turn was confirmed."""
    STARTED = "started"
    """The language model was asked."""
    PROMPT_READ = "prompt_read"
    """The language model had read its prompt."""
    FIRST_TOKEN = "first_token"  # noqa: S105 (a moment, not a secret)
    FIRST_SEGMENT = "first_segment"
    """The first speakable piece was complete."""
    FIRST_AUDIO = "first_audio"
    """The first samples were on their way to the client."""
    ENDED = "ended"
    """The response was done."""


STAGES: Mapping[str, tuple[Moment, Moment]] = {
    "voice_to_voice": (Moment.SPEECH_ENDED, Moment.FIRST_AUDIO),
    "transcribed": (Moment.SPEECH_ENDED, Moment.TRANSCRIBED),
    "first_token": (Moment.STARTED, Moment.FIRST_TOKEN),
    "first_audio": (Moment.FIRST_SEGMENT, Moment.FIRST_AUDIO),
}
"""What is told of many responses together: how long it took from one moment to the other.

The whole wait as the speaker had it, and what of it was the transcriber's, the language model's and
the synthesizer's.
"""


def stages_ms(moments_ms: Mapping[str, float]) -> dict[str, float]:
    """Return how long the stages of a response took, in milliseconds; those that it had.

    Args:
        moments_ms: By :meth:`Timeline.as_ms`.
    """
    return {
        stage: moments_ms[end.value] - moments_ms[start.value]
        for stage, (start, end) in STAGES.items()
        if start.value in moments_ms and end.value in moments_ms
    }


class Timeline:
    """The moments of one response, in seconds of a monotonic clock."""

    def __init__(self, response_id: str) -> None:
        self.response_id = response_id
        self._moments: dict[Moment, float] = {}

    def mark(self, moment: Moment, at_s: float) -> None:
        """Note when something happened for the first time."""
        self._moments.setdefault(moment, at_s)

    def forget(self, moments: Iterable[Moment]) -> None:
        """Forget when something happened: it will happen again."""
        for moment in moments:
            self._moments.pop(moment, None)

    def as_ms(self) -> dict[str, float]:
        """Return the moments in order, in ms since the first of them, to the microsecond."""
        in_order = sorted(self._moments.items(), key=lambda pair: pair[1])
        return {moment.value: round((at_s - in_order[0][1]) * 1000, 3) for moment, at_s in in_order}


class TimelineLog:
    """The latest timelines of a process, by response id."""

    def __init__(self, capacity: int = KEPT_TIMELINES) -> None:
        self._capacity = capacity
        self._timelines: OrderedDict[str, Timeline] = OrderedDict()

    def open(self, response_id: str) -> Timeline:
        """Begin a timeline; the oldest one makes room."""
        timeline = self._timelines[response_id] = Timeline(response_id)
        while len(self._timelines) > self._capacity:
            self._timelines.popitem(last=False)
        return timeline

    def find(self, response_id: str) -> Timeline | None:
        """Return a response's timeline, if it is still kept."""
        return self._timelines.get(response_id)
