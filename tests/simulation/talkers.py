"""What clients at the far end of a connection say, and what they make of the answers."""

from collections.abc import Iterator
from typing import Protocol

import msgspec
from openai.types.realtime import RealtimeTranslationServerEvent
from pydantic import TypeAdapter

from antiphon.core.abilities import Abilities
from tests.simulation.abilities import VOICES
from tests.simulation.audio import chunk
from tests.simulation.client import Client
from tests.simulation.dice import Dice
from tests.support.ledger import BetaLedger, Form, Frame, Ledger, TranslationLedger, read_frame

__all__ = ["BetaTalker", "SpeechTalker", "Talker", "TranslationTalker"]

_NO_FRAME = b"\x00\x01"
_TOO_MUCH = '{"type":"input_audio_buffer.append","audio":"' + "A" * (21 << 20) + '"}'
"""Over the 15 MiB of audio that one event may bring."""

_TRANSLATION_EVENTS = TypeAdapter[object](RealtimeTranslationServerEvent)


class Talker(Protocol):
    """Someone who talks over a connection."""

    @property
    def is_open(self) -> bool:
        """Whether the session is not over."""
        ...

    def next_frames(self) -> Iterator[str | bytes]:
        """Say something, which is entered as said."""
        ...

    def last_words(self) -> Iterator[str]:
        """Have everything come to its end by itself."""
        ...

    def end_all(self) -> Iterator[str]:
        """End what would never end by itself."""
        ...

    def read(self, text: str) -> None:
        """Take a frame, and check it."""
        ...

    def rest(self) -> None:
        """Check that nothing is open any more."""
        ...


class SpeechTalker:
    """Has a conversation, or has speech transcribed.

    Args:
        dice: Decides.
        listens: Whether the session only transcribes.
    """

    def __init__(self, dice: Dice, *, listens: bool) -> None:
        self._dice = dice
        self._ledger = Ledger()
        abilities = Abilities(
            voices=VOICES, transcriber="scripted", logprobs=True, language_model="scripted"
        )
        self._client = Client(dice, self._ledger, abilities, listens=listens)

    @property
    def is_open(self) -> bool:
        """Whether the session has begun, and is not over."""
        return bool(self._ledger.session) and not self._ledger.expired

    def next_frames(self) -> Iterator[str | bytes]:
        """Say something, at times what is no event."""
        if self._dice.chance(0.02):
            self._ledger.sends(_NO_FRAME, Form.BROKEN)
            yield _NO_FRAME
        elif self._dice.chance(0.001):
            self._ledger.sends(_TOO_MUCH, Form.BROKEN)
            yield _TOO_MUCH
        else:
            sending = self._client.next_frame()
            self._ledger.sends(sending.text, sending.form)
            yield sending.text

    def last_words(self) -> Iterator[str]:
        """Switch turn detection off."""
        if self.is_open:
            yield from self._sends(self._client.request_of_peace().text)

    def end_all(self) -> Iterator[str]:
        """Cancel what still runs."""
        for response_id in self._ledger.running:
            yield from self._sends(self._client.request_of_an_end(response_id).text)

    def read(self, text: str) -> None:
        """Enter a frame."""
        self._ledger.read(read_frame(text))

    def rest(self) -> None:
        """Check that everything has been answered."""
        self._ledger.rest()

    def _sends(self, text: str) -> Iterator[str]:
        self._ledger.sends(text, Form.SOUND)
        yield text


class TranslationTalker:
    """Has speech translated."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._ledger = TranslationLedger()
        self._loud = True

    @property
    def is_open(self) -> bool:
        """Whether the session is not over."""
        return bool(self._ledger.session) and not self._ledger.closed

    def next_frames(self) -> Iterator[str | bytes]:
        """Say something, or change something."""
        dice = self._dice
        if dice.chance(0.2):
            self._loud = not self._loud
        if dice.chance(0.9):
            audio = chunk(dice.choice([20, 100, 500]), "audio/pcm", loud=self._loud)
            yield from self._sends({"type": "session.input_audio_buffer.append", "audio": audio})
        elif dice.chance(0.7):
            transcription = dice.choice([None, {"model": "any"}])
            changes: Frame = {"input": {"transcription": transcription}}
            if dice.chance(0.3):
                changes["output"] = {"language": dice.choice(["en", "de", ""])}
            yield from self._sends({"type": "session.update", "session": {"audio": changes}})
        else:
            yield from self._sends({"type": "response.create", "event_id": "no_such"})

    def last_words(self) -> Iterator[str]:
        """Ask for the end."""
        if self.is_open:
            yield from self._sends({"type": "session.close"})

    def end_all(self) -> Iterator[str]:
        """Nothing: it ends as asked, or when it expires."""
        yield from ()

    def read(self, text: str) -> None:
        """Enter a frame."""
        _TRANSLATION_EVENTS.validate_json(text, strict=True)
        self._ledger.read(msgspec.json.decode(text))

    def rest(self) -> None:
        """Check nothing: a translation that never ends leaves the session open."""

    def _sends(self, event: Frame) -> Iterator[str]:
        text = msgspec.json.encode(event).decode()
        self._ledger.sends(text)
        yield text


class BetaTalker:
    """Has a conversation in the beta protocol."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._ledger = BetaLedger()
        self._sent = 0

    @property
    def is_open(self) -> bool:
        """Whether the session is not over."""
        return not self._ledger.expired

    def next_frames(self) -> Iterator[str | bytes]:
        """Say, write or change something."""
        dice = self._dice
        content = [{"type": "input_text", "text": "Hello."}]
        message = {"type": "message", "role": "user", "content": content}
        update = {
            "modalities": dice.choice([["text"], ["audio", "text"]]),
            "turn_detection": dice.choice([None, {"type": "server_vad"}]),
            "input_audio_format": dice.choice(["pcm16", "g711_ulaw", "mp3"]),
        }
        sound = chunk(dice.choice([20, 100, 500]), "audio/pcm", loud=dice.chance(0.5))
        events: list[Frame] = [
            {"type": "input_audio_buffer.append", "audio": sound},
            {"type": "input_audio_buffer.commit"},
            {"type": "conversation.item.create", "item": message},
            {"type": "response.create"},
            {"type": "response.create", "response": {"modalities": ["text"], "temperature": 0.6}},
            {"type": "response.cancel"},
            {"type": "session.update", "session": update},
            {"type": "conversation.item.retrieve", "item_id": "nowhere"},
            {"type": "no.such.event"},
        ]
        yield from self._sends(dice.choice(events))

    def last_words(self) -> Iterator[str]:
        """Switch turn detection off."""
        yield from self._sends({"type": "session.update", "session": {"turn_detection": None}})

    def end_all(self) -> Iterator[str]:
        """Cancel what still runs."""
        for response_id in sorted(self._ledger.running):
            yield from self._sends({"type": "response.cancel", "response_id": response_id})

    def read(self, text: str) -> None:
        """Enter a frame."""
        self._ledger.read(msgspec.json.decode(text))

    def rest(self) -> None:
        """Check that everything has ended."""
        self._ledger.rest()

    def _sends(self, event: Frame) -> Iterator[str]:
        self._sent += 1
        text = msgspec.json.encode({**event, "event_id": f"client_{self._sent}"}).decode()
        self._ledger.sends(text)
        yield text
