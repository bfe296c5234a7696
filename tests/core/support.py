"""A session on the bench: client events in as JSON, frames out as JSON, engines by script.

Every frame that a rig sees has passed the official SDK's own types in strict mode, so every test
that uses one also says that the official client would accept what it was sent.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar, cast

from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from antiphon.core.abilities import Abilities
from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.effects import Effect, SendAudio, SendEvent, SendRetrieved, StartResponse
from antiphon.core.plan import Plan, Speculation
from antiphon.core.rate_limits import RateLimits
from antiphon.core.session import Session, SessionStart
from antiphon.core.signals import (
    AudioAppended,
    AudioGenerated,
    FrameRefused,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    SpeechProbability,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.core.window import Reader
from antiphon.errors import RequestError
from antiphon.wire.audio_config import (
    AudioFormat,
    AudioInput,
    AudioOutput,
    AudioTranscription,
    PcmFormat,
    TurnDetection,
)
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.fields import Modality
from antiphon.wire.server_events import ResponseOutputAudioDelta, ServerEvent
from antiphon.wire.session import RealtimeSession, SessionAudio
from antiphon.wire.tools import Tool

__all__ = [
    "ABILITIES",
    "DEFAULT_INSTRUCTIONS",
    "FRAME_MS",
    "VOICES",
    "CountingEntropy",
    "Frame",
    "Rig",
    "called",
    "settings",
    "spoken",
    "types",
    "written",
]

Frame = dict[str, Any]
"""A server event as the client reads it."""

E = TypeVar("E")

FRAME_MS = 32
"""How much audio the voice detector judges at a time."""

VOICES = ("alloy", "marin")
ABILITIES = Abilities(
    voices=VOICES, transcriber="ears", logprobs=True, language_model="mind", images=True
)
DEFAULT_INSTRUCTIONS = "Be brief."

_PCM_BYTES_PER_MS = 48
_SDK = TypeAdapter[object](RealtimeServerEvent)


class CountingEntropy:
    """Ids that count (``item_1``, ``item_2``) and padding of one letter."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def identifier(self, prefix: str, length: int = 21) -> str:
        self._given[prefix] += 1
        return f"{prefix}_{self._given[prefix]}"

    def padding(self, length: int) -> str:
        return "x" * length


def settings(
    *,
    modality: Modality = "text",
    turn_detection: TurnDetection | None = None,
    transcription: AudioTranscription | None = None,
    input_format: AudioFormat | None = None,
    tools: tuple[Tool, ...] = (),
) -> RealtimeSession:
    """Return the settings of a new session: manual turns, unless said otherwise."""
    return RealtimeSession(
        id="sess_1",
        model="some-model",
        output_modalities=(modality,),
        instructions=DEFAULT_INSTRUCTIONS,
        tools=tools,
        expires_at=1_800_000_000,
        audio=SessionAudio(
            input=AudioInput(
                format=input_format or PcmFormat(),
                transcription=transcription,
                turn_detection=turn_detection,
            ),
            output=AudioOutput(format=PcmFormat(), voice=VOICES[0]),
        ),
    )


def types(frames: Iterable[Frame]) -> list[str]:
    """Return only what the frames are called."""
    return [frame["type"] for frame in frames]


class Rig:
    """One session, its client and its scripted engines.

    Attributes:
        session: The core under test.
        now: Wall time in seconds; tests move it.
        log: Every frame and every other effect so far, in order.
    """

    def __init__(
        self,
        start: RealtimeSession | None = None,
        *,
        lifetime_s: float = SESSION_LIFETIME_S,
        idle_s: float | None = None,
        reader: Reader = Reader(),  # noqa: B008 (frozen)
        abilities: Abilities = ABILITIES,
        limits: RateLimits | None = None,
        speculation: Speculation = "off",
        plays: bool = False,
    ) -> None:
        self.now = 0.0
        self._plays = plays
        self.log: list[Frame | Effect] = []
        self.session = Session(
            SessionStart(
                settings=start or settings(),
                conversation_id="conv_1",
                abilities=abilities,
                reader=reader,
                speculation=speculation,
                lifetime_s=lifetime_s,
                idle_s=idle_s,
                plays=plays,
            ),
            CountingEntropy(),
            self.now,
            limits,
        )
        self._appended = 0
        self._judged = 0
        self._drain()

    # --- the client -----------------------------------------------------------------------------

    def send(self, event_type: str, **fields: object) -> list[Frame]:
        """Send one client event and return the frames it led to."""
        return self.send_frame(json.dumps({"type": event_type, **fields}))

    def send_frame(self, frame: str) -> list[Frame]:
        """Send one frame, which need not be an event, and return the frames it led to."""
        try:
            event = decode_client_event(frame)
        except RequestError as error:
            return self.feed(FrameRefused(error))
        if isinstance(event, InputAudioBufferAppend):
            return self.append(len(event.audio) / _PCM_BYTES_PER_MS)
        self.session.receive(event, self.now)
        return self._drain()

    def say(self, text: str, **fields: object) -> list[Frame]:
        """Put a user's text message into the conversation."""
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        return self.send("conversation.item.create", item=item, **fields)

    # --- the runtime ----------------------------------------------------------------------------

    def feed(self, *signals: Signal) -> list[Frame]:
        """Pass signals to the session and return the frames they led to."""
        for signal in signals:
            self.session.feed(signal, self.now)
        return self._drain()

    def tick(self, seconds: float) -> list[Frame]:
        """Let time pass and return the frames that led to."""
        self.now += seconds
        self.session.tick(self.now)
        return self._drain()

    def append(self, duration_ms: float) -> list[Frame]:
        """Append audio that the voice detector has not judged."""
        self._appended += round(duration_ms * SAMPLES_PER_MS)
        return self.feed(AudioAppended(self._appended))

    def hear(self, duration_ms: int, probability: float) -> list[Frame]:
        """Append audio and have the voice detector judge all whole frames of it."""
        frames = self.append(duration_ms)
        step = FRAME_MS * SAMPLES_PER_MS
        while self._judged + step <= self._appended:
            start, self._judged = self._judged, self._judged + step
            frames += self.feed(SpeechProbability(start, self._judged, probability))
        return frames

    def speech(self, duration_ms: int) -> list[Frame]:
        """Append audio in which somebody speaks."""
        return self.hear(duration_ms, 0.95)

    def silence(self, duration_ms: int) -> list[Frame]:
        """Append audio in which nobody speaks."""
        return self.hear(duration_ms, 0.02)

    @property
    def plan(self) -> Plan:
        """What the newest response runs with."""
        return self.effects(StartResponse)[-1].plan

    def begin(self, *texts: str) -> list[Frame]:
        """Have the newest response put out texts, spoken or written as it wants them."""
        make = spoken if self.plan.modality == "audio" else written
        return self.feed(*make(self.plan.response_id, *texts, ending=None))

    def answer(self, *texts: str) -> list[Frame]:
        """Have the newest response put out texts and end."""
        make = spoken if self.plan.modality == "audio" else written
        return self.feed(*make(self.plan.response_id, *texts))

    # --- what came of it ------------------------------------------------------------------------

    @property
    def frames(self) -> list[Frame]:
        """All frames so far."""
        return [entry for entry in self.log if isinstance(entry, dict)]

    def effects(self, kind: type[E]) -> list[E]:
        """Return all effects of a kind so far."""
        return [entry for entry in self.log if isinstance(entry, kind)]

    def state(self) -> object:
        """Return everything that an event could have changed, in a form that can be compared."""
        session = self.session
        listening = session._listening
        buffer = listening._buffer
        return (
            session.settings,
            [
                (entry.item, entry.hearing, entry.failure, entry.audio_ms, entry.heard_ms)
                for entry in session._conversation
            ],
            [
                (response.id, response.state, [entry.id for entry in response.context])
                for response in session._responses
            ],
            session._responses.has_spoken,
            dict(vars(buffer)),
            dict(vars(buffer._detector)) if buffer._detector else None,
            listening._announced_id,
            list(listening.transcripts._pending),
            listening.transcripts.guess,
            session._responses._guess,
            list(session._deferred),
            [(one.tool, one.state, one.tools) for one in session._mcp.servers._listings],
            dict(session._mcp._calls._unapproved),
            dict(session._mcp._calls._running),
            {entry.id for entry in session._window._gone},
            [
                (one, played.stage, dict(played.played_ms))
                for one, played in (
                    session._playback._responses if session._playback else {}
                ).items()
            ],
            session.dropped_signals,
            session.deadline(),
        )

    def item(self, item_id: str) -> Frame:
        """Return an item as the client can retrieve it."""
        (frame,) = self.send("conversation.item.retrieve", item_id=item_id)
        item: Frame = frame["item"]
        return item

    def _drain(self) -> list[Frame]:
        frames = []
        for effect in self.session.drain():
            event = None if self._is_played(effect) else _event_of(effect)
            if event is None:
                self.log.append(effect)
                continue
            text = encode(event)
            _SDK.validate_json(text, strict=True)
            frame: Frame = json.loads(text)
            self.log.append(frame)
            frames.append(frame)
        return frames

    def _is_played(self, effect: Effect) -> bool:
        """Whether an effect is audio that the client gets as sound, not as an event."""
        return self._plays and isinstance(effect, SendAudio)


def _event_of(effect: Effect) -> ServerEvent | None:
    match effect:
        case SendEvent(event=event) | SendRetrieved(event=event):
            return cast("ServerEvent", event)  # no rig runs a translation session
        case SendAudio():
            return ResponseOutputAudioDelta(
                event_id=effect.event_id,
                response_id=effect.response_id,
                item_id=effect.item_id,
                output_index=effect.output_index,
                content_index=effect.content_index,
                delta=effect.pcm,
            )
        case _:
            return None


# --- scripts of the engines ---------------------------------------------------------------------

Ending = Literal["stop", "length", "content_filter"] | None


def written(response_id: str, *texts: str, ending: Ending = "stop") -> list[Signal]:
    """Return what the engines tell of an answer in text, one token for each text."""
    deltas = [TextGenerated(response_id, text, 1) for text in texts]
    return list(_whole(response_id, deltas, len(texts), ending))


def spoken(
    response_id: str, *texts: str, ending: Ending = "stop", ms_per_text: int = 200
) -> list[Signal]:
    """Return what the engines tell of an answer in speech, one segment for each text."""
    segments: list[Signal] = []
    chars = 0
    for text in texts:
        chars += len(text)
        pcm = bytes(ms_per_text * _PCM_BYTES_PER_MS)
        segments += [
            TextGenerated(response_id, text, 1),
            AudioGenerated(response_id, pcm, ms_per_text),
            SegmentSpoken(response_id, chars),
        ]
    return list(_whole(response_id, segments, len(texts), ending))


def called(
    response_id: str, name: str, *arguments: str, index: int = 0, ending: Ending = "stop"
) -> list[Signal]:
    """Return what the engines tell of a function call, its arguments in pieces."""
    pieces = [ToolCallGenerated(response_id, index, name, piece, 1) for piece in arguments]
    return list(_whole(response_id, pieces, len(arguments), ending))


def _whole(
    response_id: str, content: Sequence[Signal], tokens: int, ending: Ending
) -> Iterator[Signal]:
    yield PromptMeasured(response_id, input_tokens=10, cached_tokens=4)
    yield from content
    if ending is not None:
        yield GenerationFinished(response_id, ending, tokens)
