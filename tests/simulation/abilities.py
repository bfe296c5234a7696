"""What the simulated servers can do, each a little different."""

from antiphon.core.abilities import Abilities
from antiphon.core.prompts import StoredPrompt
from antiphon.core.window import Reader
from antiphon.engines.scripted.word_counter import WordCounter
from tests.simulation.dice import Dice
from tests.support.ledger import Frame

__all__ = ["PROMPTS", "PROMPT_ID", "VOICES", "is_beyond", "random_abilities", "random_reader"]

VOICES = ("alloy", "marin")
PROMPT_ID = "pmpt_shop"

PROMPTS = {
    PROMPT_ID: StoredPrompt(
        instructions="You work for {{shop}}. Be {{mood}}.", defaults={"mood": "kind"}
    )
}


def random_abilities(dice: Dice) -> Abilities:
    """Return what clients may ask for."""
    return Abilities(
        voices=VOICES,
        transcriber="ears",
        logprobs=dice.chance(0.8),
        language_model="mind",
        message_ends=dice.chance(0.5),
        images=dice.chance(0.8),
        prompts=PROMPTS,
    )


def random_reader(dice: Dice) -> Reader:
    """Return how much the language model can read: often any amount, at times hardly anything."""
    if dice.chance(0.5):
        return Reader()
    return Reader(WordCounter(), context_tokens=dice.choice([None, 12, 40, 150]))


def is_beyond(event: Frame, abilities: Abilities) -> bool:
    """Say whether a well-formed event asks for what a server can never do."""
    if (event.get("session") or {}).get("include") and not abilities.logprobs:
        return True
    items = [event.get("item"), *((event.get("response") or {}).get("input") or ())]
    parts = [part for item in items for part in (item or {}).get("content", ())]
    return not abilities.images and any(part["type"] == "input_image" for part in parts)
