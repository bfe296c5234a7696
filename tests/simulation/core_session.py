"""One simulated session of the core: a client, the core, and a model of the runtime."""

from antiphon.config import Limits
from antiphon.core.abilities import Abilities
from antiphon.core.effects import Effect, SendAudio, SendEvent, SendRetrieved
from antiphon.core.rate_limits import RateLimits
from antiphon.core.session import Session, SessionStart
from antiphon.core.signals import FrameRefused, Signal
from antiphon.errors import RequestError
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.rate_limits import KeyAccount
from antiphon.wire.audio_config import AudioInput, AudioOutput, AudioTranscription, PcmFormat
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.server_events import ResponseOutputAudioDelta
from antiphon.wire.session import RealtimeSession, ServerVad, SessionAudio
from tests.simulation.client import Client, Sending
from tests.simulation.dice import Dice
from tests.simulation.reading import check_reading
from tests.simulation.requests import VOICES
from tests.simulation.runtime_model import RuntimeModel
from tests.support.ledger import Ledger, read_frame

__all__ = ["AT_REST", "CoreSession", "session_limits", "session_start"]

AT_REST = "= nothing happens any more"
"""Stands among the frames once all work has come to its end."""

_STEPS = (5, 20, 60, 60, 120)
_LIFETIME_S = 3600.0


def session_start(dice: Dice) -> SessionStart:
    """Return what a session begins with: voice or text, with or without turn detection."""
    settings = RealtimeSession(
        id="sess_1",
        model="some-model",
        output_modalities=(dice.choice(["audio", "text"]),),
        instructions="Be brief.",
        expires_at=1_800_000_000,
        audio=SessionAudio(
            input=AudioInput(
                format=PcmFormat(),
                transcription=dice.choice([None, AudioTranscription(model="any")]),
                turn_detection=dice.choice([None, ServerVad(silence_duration_ms=96)]),
            ),
            output=AudioOutput(format=PcmFormat(), voice=VOICES[0]),
        ),
    )
    return SessionStart(
        settings=settings,
        conversation_id="conv_1",
        abilities=Abilities(voices=VOICES, transcriber="ears", language_model="mind"),
        speculation="off",
        lifetime_s=_LIFETIME_S,
    )


def session_limits(dice: Dice) -> RateLimits | None:
    """Return what a session's key may use: mostly any amount, at times soon too little."""
    if dice.chance(0.7):
        return None
    return KeyAccount(
        Limits(
            requests_per_minute=dice.choice([None, 1, 10]),
            tokens_per_minute=dice.choice([20, 1_000]),
        )
    )


class CoreSession:
    """A whole session.

    Attributes:
        frames: Everything that passed over the wire, in order: ``>`` to the server, or ``!`` if
            that is sure to be refused; ``<`` to the client.
    """

    def __init__(self, seed: int) -> None:
        self.frames: list[str] = []
        self._dice = dice = Dice(seed)
        self._now = 0.0
        self._ledger = Ledger()
        self._client = Client(dice, self._ledger)
        self._runtime = RuntimeModel(dice)
        self._session = Session(
            session_start(dice), RandomEntropy(seed), self._now, session_limits(dice)
        )
        self._read_plans = 0

    def run(self) -> None:
        """Play it from the beginning to the end.

        Raises:
            AssertionError: A promise was broken.
        """
        self._take_effects()
        eagerness = self._dice.choice([0.2, 0.5, 0.9])  # of the client, against the engines
        for _ in range(self._dice.choice(_STEPS)):
            self._now += self._passed_s()
            if self._dice.chance(eagerness):
                self._send(self._client.next_frame())
            elif self._dice.chance(0.03):
                self._session.tick(self._now)
                self._take_effects()
            else:
                self._work()
        if self._dice.chance(0.2):
            return  # the client has vanished
        self._come_to_rest()
        self._expire()

    def _passed_s(self) -> float:
        """Return how much time passes: mostly little, at times a jump."""
        return self._dice.choice([0.0, 0.01, 0.01, 1.0]) if self._dice.chance(0.999) else 1800.0

    def _come_to_rest(self) -> None:
        """Let all work end, then see whether everything is as it was told."""
        self._send(self._client.request_of_peace())
        while self._work() or self._runtime.busy:
            pass
        self._ledger.rest()
        assert self._runtime.recordings == self._ledger.recordings
        self.frames.append(AT_REST)
        for item_id in tuple(self._ledger.order):
            self._send(self._client.request_of_an_item(item_id))
        self.frames.append(AT_REST)

    def _expire(self) -> None:
        if self._dice.chance(0.3):
            self._send(self._client.request_of_a_response())
        self._now += _LIFETIME_S
        self._session.tick(self._now)
        self._take_effects()
        assert self._ledger.expired
        assert self._runtime.closed
        assert self._session.deadline() is None

    # --- the wire ---------------------------------------------------------------------------------

    def _send(self, sending: Sending) -> None:
        self.frames.append(str(sending))
        self._ledger.sends(sending.text, sending.form)
        try:
            event = decode_client_event(sending.text)
        except RequestError as error:
            self._feed(FrameRefused(error))
            return
        if isinstance(event, InputAudioBufferAppend):
            signal = self._runtime.ear.append(event.audio)
            if isinstance(signal, FrameRefused):
                signal.error.event_id = event.event_id or None
            self._feed(signal)
        else:
            self._session.receive(event, self._now)
            self._runtime.ear.configure(self._session.settings.audio.input)
            self._take_effects()

    def _work(self) -> bool:
        signal = self._runtime.work()
        if signal is not None:
            self._feed(signal)
        return signal is not None

    def _feed(self, signal: Signal) -> None:
        self._session.feed(signal, self._now)
        self._take_effects()

    def _take_effects(self) -> None:
        for effect in self._session.drain():
            text = _frame(effect)
            if text is None:
                self._runtime.perform(effect)
                self._check_plans()
            else:
                self.frames.append("< " + text.decode())
                self._ledger.read(read_frame(text))
        self._ledger.settle()

    def _check_plans(self) -> None:
        """Check that the engines read what the client was told that the conversation is."""
        for plan in self._runtime.plans[self._read_plans :]:
            check_reading(plan.messages, plan.response_id, self._ledger)
        self._read_plans = len(self._runtime.plans)


def _frame(effect: Effect) -> bytes | None:
    match effect:
        case SendEvent(event=event) | SendRetrieved(event=event):
            return encode(event)
        case SendAudio():
            delta = ResponseOutputAudioDelta(
                event_id=effect.event_id,
                response_id=effect.response_id,
                item_id=effect.item_id,
                output_index=effect.output_index,
                content_index=effect.content_index,
                delta=effect.pcm,
            )
            return encode(delta)
        case _:
            return None
