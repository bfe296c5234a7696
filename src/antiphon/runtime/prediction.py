"""Asks, in a pause, whether the turn is over: how it sounded, and what was said.

Both are favours: on a machine that is busy with needed work they are not asked for, and the pause
lasts as long as without them. So it does when they fail, whatever an engine raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio

from antiphon.core.effects import PredictMessageEnd, PredictTurnEnd
from antiphon.core.signals import MessageEndPredicted, Signal, TurnEndPredicted
from antiphon.engines.base import Floats
from antiphon.engines.hearing import TurnPredictor
from antiphon.engines.thinking import MessageEndPredictor
from antiphon.errors import EngineError
from antiphon.runtime.respond import generation_request
from antiphon.runtime.spare import Spare

__all__ = ["predict_message_end", "predict_turn_end"]

_log = logging.getLogger(__name__)


async def predict_turn_end(
    effect: PredictTurnEnd,
    audio: Floats,
    predictor: TurnPredictor,
    spare: Spare,
    feed: Callable[[Signal], None],
) -> None:
    """Find out how a pause sounds.

    Args:
        effect: What the core asks for.
        audio: Shape (n,), float32 at 16 kHz: the turn until now.
        predictor: Who says it.
        spare: Says whether the machine is busy.
        feed: Takes what comes of it; nothing does if it cannot be found out.
    """
    if spare.is_busy:
        return
    try:
        probability = await predictor.predict(audio)
    except EngineError as error:
        _log.warning("%s: the turn's end was not predicted: %s", effect.pause_id, error)
    except Exception:
        _log.exception("%s: the turn's end was not predicted", effect.pause_id)
    else:
        feed(TurnEndPredicted(effect.pause_id, probability))


async def predict_message_end(
    effect: PredictMessageEnd,
    conversation: str,
    predictor: MessageEndPredictor,
    spare: Spare,
    feed: Callable[[Signal], None],
) -> None:
    """Find out what the words before a pause say.

    Args:
        effect: What the core asks for.
        conversation: Key of the language model's prefix cache.
        predictor: Who says it.
        spare: Counts the work.
        feed: Takes what comes of it, in any case: others wait for it.
    """
    probability = None
    if spare.has_room:
        request = generation_request(effect.plan, conversation)
        scope = anyio.CancelScope()
        with spare.seat(scope, needed=False), scope:
            try:
                probability = await predictor.predict_message_end(request)
            except EngineError as error:
                _log.warning("%s: the message's end was not predicted: %s", effect.pause_id, error)
            except Exception:
                _log.exception("%s: the message's end was not predicted", effect.pause_id)
    feed(MessageEndPredicted(effect.pause_id, probability))
