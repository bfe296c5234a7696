"""What a session works out before it is known whether the turn is over.

While the speaker goes on, the language model reads the words so far. When they pause, in this
order, as far as the settings ask for it and the engines can: the words; whether a message of these
words ends here; the answer. Whatever comes of it is held back by the runtime until the turn is
over, and dropped if the speaker goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import PredictMessageEnd, WarmPrompt
from antiphon.core.guessed_words import GuessedWords
from antiphon.core.listening import Listening
from antiphon.core.outgoing import Outgoing
from antiphon.core.plan import Plan, Speculation
from antiphon.core.responses import Responses
from antiphon.core.settings import Resolved
from antiphon.core.signals import MessageEndPredicted
from antiphon.core.window import Window
from antiphon.errors import RequestError
from antiphon.wire.audio_config import SemanticVad, TurnDetection
from antiphon.wire.items import InputAudio, Message
from antiphon.wire.session import Truncation

__all__ = ["Foresight", "Prospect"]


class Prospect(NamedTuple):
    """What a response that was created now would be.

    Attributes:
        resolved: As the session's settings say.
        window: What it would see of the conversation.
        truncation: What to do if that is too much.
    """

    resolved: Resolved
    window: Window
    truncation: Truncation


class Foresight:
    """Guesses, for one session.

    Args:
        outgoing: Takes what is to be done.
        conversation: What the turn would become part of.
        listening: Has the words of the turn so far.
        responses: Has the answer that is worked out ahead.
        prospect: Says what a response would be.
        speculation: What may be worked out.
        reads_ends: Whether the language model can say if a message is over.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        conversation: Conversation,
        listening: Listening,
        responses: Responses,
        prospect: Callable[[], Prospect],
        *,
        speculation: Speculation,
        reads_ends: bool,
    ) -> None:
        self._outgoing = outgoing
        self._conversation = conversation
        self._listening = listening
        self._responses = responses
        self._prospect = prospect
        self._speculation = speculation
        self._reads_ends = reads_ends

    def know_words(self, transcription_id: str, turn_detection: TurnDetection | None) -> None:
        """Go on from the words of a turn that may be over, if these are they.

        Args:
            transcription_id: Whose words have become known.
            turn_detection: The session's settings.
        """
        guess = self._listening.transcripts.guess
        if guess is None or guess.id != transcription_id or not guess.words:
            return
        if guess.goes_on:
            self._read_ahead(guess)
            return
        self._listening.learn(guess.id, transcript=guess.words)
        if isinstance(turn_detection, SemanticVad) and self._reads_ends:
            # First, since it is what the model reads before it answers, and answers take longer.
            self._ask_for_end(guess)
        else:
            self._answer(guess, turn_detection)

    def know_end(self, signal: MessageEndPredicted, turn_detection: TurnDetection | None) -> None:
        """Go on from what the language model says about the end of a message."""
        guess = self._listening.transcripts.guess
        if guess is None or guess.id != signal.pause_id:
            return
        self._listening.learn(guess.id, message_ends=signal.probability)
        self._answer(guess, turn_detection)

    def forget(self) -> None:
        """Drop the answer: the speaker goes on, or the audio goes another way."""
        self._responses.drop_guess()

    def _read_ahead(self, guess: GuessedWords) -> None:
        """Have the language model read the words that are sure to be part of the turn."""
        plan = self._plan(guess)
        if plan is not None:
            self._outgoing.do(WarmPrompt(plan.instructions, plan.messages, plan.tools))

    def _ask_for_end(self, guess: GuessedWords) -> None:
        plan = self._plan(guess)
        if plan is not None:
            self._outgoing.do(PredictMessageEnd(guess.id, plan))

    def _answer(self, guess: GuessedWords, turn_detection: TurnDetection | None) -> None:
        if (
            self._speculation == "answers"
            and turn_detection is not None
            and turn_detection.create_response
        ):
            plan = self._plan(guess)
            if plan is not None:
                self._responses.guess(plan)

    def _plan(self, guess: GuessedWords) -> Plan | None:
        """Return what the response would run with, if the turn was over and it was created now."""
        turn = Message(
            id=guess.id,
            status="completed",
            role="user",
            content=(InputAudio(transcript=guess.words),),
        )
        try:
            resolved, window, truncation = self._prospect()
        except RequestError:
            return None  # it would be refused as well, and says why
        return self._responses.plan(
            resolved, (*self._conversation, Entry(turn)), window, truncation
        )
