"""What does the protocol itself cost? Time in ``core.Session``, without engines, JSON or sockets.

Run as ``python -m bench.core``. The same turn goes through one session again and again: speech, the
silence after it, a spoken answer of 30 text deltas and 30 chunks of audio, and some housekeeping.
The conversation grows by one answer each turn; the inputs for which all of it is read (a prompt,
its usage) are shown as they are on average over that growth, up to 300 answers.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from antiphon.core.abilities import Abilities
from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.effects import StartResponse, Transcribe
from antiphon.core.session import Session, SessionStart
from antiphon.core.signals import (
    AudioAppended,
    AudioGenerated,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    SpeechProbability,
    TextGenerated,
    TranscriptFinished,
)
from antiphon.core.window import Reader
from antiphon.engines.scripted.word_counter import WordCounter
from antiphon.runtime.entropy import RandomEntropy
from antiphon.wire.audio_config import AudioInput, AudioOutput, PcmFormat, ServerVad
from antiphon.wire.client_events import ClientEvent
from antiphon.wire.codec import decode_client_event
from antiphon.wire.session import RealtimeSession, SessionAudio
from bench.common import load_average, print_table

TURNS = 300
APPEND_MS, FRAME_MS = 64, 32
SPEECH_MS, SILENCE_MS = 3008, 512
DELTAS, CHUNK_MS = 30, 100
TURN_S = (SPEECH_MS + SILENCE_MS + DELTAS * CHUNK_MS) / 1000

UPDATE = '{"type":"session.update","session":{"type":"realtime","instructions":"%s"}}'
CREATE = (
    '{"type":"conversation.item.create","item":{"type":"message","role":"user","id":"noted",'
    '"content":[{"type":"input_text","text":"Good morning"}]}}'
)
DELETE = '{"type":"conversation.item.delete","item_id":"%s"}'


class TimedSession:
    """A session that keeps the time each kind of input takes, draining included."""

    def __init__(self) -> None:
        audio = SessionAudio(
            input=AudioInput(format=PcmFormat(), turn_detection=ServerVad()),
            output=AudioOutput(format=PcmFormat(), voice="alloy"),
        )
        settings = RealtimeSession(
            id="sess_1",
            model="some-model",
            output_modalities=("audio",),
            instructions="Be brief.",
            expires_at=0,
            audio=audio,
        )
        abilities = Abilities(voices=("alloy",), transcriber="ears", language_model="mind")
        start = SessionStart(
            settings=settings,
            conversation_id="conv_1",
            abilities=abilities,
            reader=Reader(WordCounter(), context_tokens=10**6),
        )
        self.spent_s: defaultdict[str, list[float]] = defaultdict(list)
        self.item_id = self.response_id = ""
        self._session = Session(start, RandomEntropy(seed=1), 0.0)
        self._session.drain()

    def feed(self, signal: Signal) -> None:
        """Pass a signal on."""
        self._time(type(signal).__name__, lambda: self._session.feed(signal, 0.0))

    def receive(self, frame: str) -> None:
        """Decode a frame, untimed, and pass the event on."""
        event: ClientEvent = decode_client_event(frame)
        self._time(type(event).__name__, lambda: self._session.receive(event, 0.0))

    def _time(self, name: str, step: Callable[[], None]) -> None:
        started = time.perf_counter()
        step()
        effects = self._session.drain()
        self.spent_s[name].append(time.perf_counter() - started)
        for effect in effects:
            match effect:
                case Transcribe(item_id=item_id):
                    self.item_id = item_id
                case StartResponse(plan=plan):
                    self.response_id = plan.response_id


def hear(session: TimedSession, start: int, duration_ms: int, probability: float) -> int:
    """Append audio, have it judged, and return where it ends on the input audio clock."""
    end = start + duration_ms * SAMPLES_PER_MS
    step = FRAME_MS * SAMPLES_PER_MS
    for position in range(start, end, step):
        if (position - start) % (APPEND_MS * SAMPLES_PER_MS) == 0:
            session.feed(AudioAppended(min(position + APPEND_MS * SAMPLES_PER_MS, end)))
        session.feed(SpeechProbability(position, position + step, probability))
    return end


def answer(session: TimedSession) -> None:
    """Say the whole answer to the turn that has just ended."""
    session.feed(TranscriptFinished(session.item_id, "good morning"))
    response_id = session.response_id
    session.feed(PromptMeasured(response_id, 200, 180))
    pcm = bytes(48 * CHUNK_MS)
    for n in range(1, DELTAS + 1):
        session.feed(TextGenerated(response_id, " morning", 1))
        session.feed(AudioGenerated(response_id, pcm, CHUNK_MS))
        if n % 10 == 0:
            session.feed(SegmentSpoken(response_id, n * len(" morning")))
    session.feed(GenerationFinished(response_id, "stop", DELTAS))


def report(session: TimedSession) -> None:
    """Print what each kind of input took, and what that is in proportion."""
    total_s = {name: sum(spent) for name, spent in session.spent_s.items()}
    each_us = {name: total_s[name] / len(session.spent_s[name]) * 1e6 for name in total_s}
    all_s = sum(total_s.values())
    cheapest_us = min(each_us.values())
    print_table(
        ["input", "calls", "µs each", "to the cheapest", "share"],
        [
            [
                name,
                len(session.spent_s[name]),
                f"{each_us[name]:.1f}",
                f"{each_us[name] / cheapest_us:.1f}",
                f"{total_s[name] / all_s:.1%}",
            ]
            for name in sorted(total_s, key=total_s.__getitem__, reverse=True)
        ],
    )
    inputs = sum(map(len, session.spent_s.values()))
    print(f"\n{inputs / all_s:,.0f} inputs per second; {load_average()}")
    print(f"a turn of {TURN_S:.1f} s takes {all_s / TURNS * 1e3:.2f} ms of one core")
    print(f"conversation time to core time: {TURN_S * TURNS / all_s:,.0f} to 1")


def main() -> None:
    session, end = TimedSession(), 0
    for turn in range(TURNS):
        end = hear(session, end, SPEECH_MS, 0.9)
        end = hear(session, end, SILENCE_MS, 0.0)
        asked = session.item_id
        answer(session)
        session.receive(UPDATE % f"Be brief. Turn {turn}.")
        session.receive(CREATE)
        session.receive(DELETE % "noted")
        session.receive(DELETE % asked)
    report(session)


if __name__ == "__main__":
    main()
