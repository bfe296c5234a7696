"""One simulated session of the core: a client, the core, and a model of the runtime."""

from typing import Any

from antiphon.core.effects import Effect, SendAudio, SendEvent, SendRetrieved
from antiphon.core.signals import FrameRefused, Signal
from antiphon.core.verbs import Verbs
from antiphon.core.window import Reader
from antiphon.errors import RequestError
from antiphon.runtime.entropy import RandomEntropy
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.server_events import ResponseOutputAudioDelta
from tests.simulation.abilities import random_abilities, random_reader
from tests.simulation.client import Client, Sending
from tests.simulation.dice import Dice
from tests.simulation.reading import check_reading
from tests.simulation.runtime_model import RuntimeModel
from tests.simulation.starts import LIFETIME_S, speech_session, transcription_session
from tests.support.ledger import Ledger, read_frame

__all__ = ["AT_REST", "CoreSession"]

AT_REST = "= nothing happens any more"
"""Stands among the frames once all work has come to its end."""

_STEPS = (5, 40, 120, 200)


class CoreSession:
    """A whole session, of speech or of transcription.

    Attributes:
        frames: Everything that passed over the wire, in order: ``>`` to the server, or ``!`` if
            that is sure to be refused; ``<`` to the client.
    """

    def __init__(self, seed: int) -> None:
        self.frames: list[str] = []
        self._dice = dice = Dice(seed)
        self._now = 0.0
        self._ledger = Ledger(clock=lambda: self._now)
        self._runtime = RuntimeModel(dice)
        self._reader = Reader()
        self._session = self._open(RandomEntropy(seed))
        self._checked_plans = 0
        self._checked_calls = 0

    def _open(self, entropy: RandomEntropy) -> Verbs[Any]:
        dice = self._dice
        abilities, listens = random_abilities(dice), dice.chance(0.1)
        self._client = Client(dice, self._ledger, abilities, listens=listens, uses_mcp=True)
        if listens:
            return transcription_session(dice, abilities, entropy, self._now)
        self._reader = random_reader(dice)
        return speech_session(dice, abilities, self._reader, entropy, self._now)

    def run(self) -> None:
        """Play it from the beginning to the end.

        Raises:
            AssertionError: A promise was broken.
        """
        self._take_effects()
        eagerness = self._dice.choice([0.12, 0.3, 0.8])  # of the client, against the engines
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
        self._now += LIFETIME_S
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
            self._runtime.ear.configure(self._session.heard)
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
                self._check_work()
            else:
                self.frames.append("< " + text.decode())
                self._ledger.read(read_frame(text))
        self._ledger.settle()

    def _check_work(self) -> None:
        """Check that engines and servers work on what the client was told, and nothing else."""
        plans, calls = self._runtime.plans, self._runtime.mcp.calls
        for plan in plans[self._checked_plans :]:
            check_reading(plan, self._ledger, self._reader)
        for call in calls[self._checked_calls :]:
            assert call.item_id not in {one.item_id for one in calls if one is not call}
            self._ledger.mcp.check_made(call.item_id, call.server.label, call.name)
        self._checked_plans, self._checked_calls = len(plans), len(calls)


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
