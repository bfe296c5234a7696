from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
import numpy as np
import pytest

from antiphon.core.clock import Span
from antiphon.core.effects import PredictMessageEnd, PredictTurnEnd
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.signals import MessageEndPredicted, Signal, TurnEndPredicted
from antiphon.engines.base import Floats
from antiphon.engines.scripted.hearing import ScriptedTurnPredictor
from antiphon.engines.scripted.script import Fail, Script, Take
from antiphon.engines.thinking import GenerationRequest
from antiphon.errors import EngineError
from antiphon.runtime.prediction import predict_message_end, predict_turn_end
from antiphon.runtime.spare import Spare
from antiphon.wire.audio_config import PcmFormat
from tests.support.cast import make_cast
from tests.support.virtual_time import step

TURN_END = PredictTurnEnd("item_1", Span(0, 16_000))
AUDIO = np.zeros(16_000, np.float32)
MESSAGE_END = PredictMessageEnd(
    "item_1",
    Plan(
        response_id="resp_1",
        model="antiphon",
        modality="text",
        instructions="Be brief.",
        messages=(ChatMessage("user", "What is new?"),),
        voice="alto",
        speed=1.0,
        output_format=PcmFormat(),
    ),
)


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def crash() -> Exception:
    return RuntimeError("segmentation fault")


class Reader:
    """A language model that takes a minute to say whether a message is over, or cannot."""

    def __init__(self, *, fails: Callable[[], Exception] | None = None) -> None:
        self.requests: list[GenerationRequest] = []
        self.finished = 0
        self._fails = fails

    async def predict_message_end(self, request: GenerationRequest) -> float:
        self.requests.append(request)
        await anyio.sleep(60)
        if self._fails is not None:
            raise self._fails()
        self.finished += 1
        return 0.7


# --- how it sounded -------------------------------------------------------------------------------


async def test_how_a_pause_sounds_is_told():
    cast = make_cast(Script(turn_probability=0.4))
    told: list[Signal] = []
    await predict_turn_end(TURN_END, AUDIO, cast.turn_predictor, Spare(1), told.append)
    assert told == [TurnEndPredicted("item_1", 0.4)]
    assert cast.turn_predictor.heard[-1] is AUDIO


async def test_beside_guesses_the_sound_is_judged():
    """It is over long before they are."""
    cast, spare = make_cast(), Spare(1)
    told: list[Signal] = []
    with spare.seat(anyio.CancelScope(), needed=False):
        await predict_turn_end(TURN_END, AUDIO, cast.turn_predictor, spare, told.append)
    assert len(told) == 1


async def test_on_a_busy_machine_the_sound_is_not_judged():
    cast, spare = make_cast(), Spare(1)
    told: list[Signal] = []
    with spare.seat(anyio.CancelScope(), needed=True):
        await predict_turn_end(TURN_END, AUDIO, cast.turn_predictor, spare, told.append)
    assert not cast.turn_predictor.heard
    assert told == []


async def test_a_predictor_that_fails_tells_nothing():
    cast = make_cast(Script(predictions=(Take((Fail("It broke."),)),)))
    told: list[Signal] = []
    await predict_turn_end(TURN_END, AUDIO, cast.turn_predictor, Spare(1), told.append)
    assert told == []


async def test_a_predictor_that_raises_what_it_may_not_tells_nothing(caplog):
    class Crashing(ScriptedTurnPredictor):
        async def predict(self, audio: Floats) -> float:
            raise crash()

    predictor = Crashing(make_cast().turn_predictor.info, Script())
    told: list[Signal] = []
    await predict_turn_end(TURN_END, AUDIO, predictor, Spare(1), told.append)
    assert told == []
    assert "segmentation fault" in caplog.text


# --- what was said --------------------------------------------------------------------------------


async def end_of_message(
    reader: Reader, spare: Spare, *, meanwhile: Callable[[], None] | None = None
) -> list[Signal]:
    """What is told of the end of a message."""
    told: list[Signal] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(predict_message_end, MESSAGE_END, "sess_1", reader, spare, told.append)
        await anyio.sleep(30)
        if meanwhile is not None:
            meanwhile()
    return told


async def test_what_the_words_say_is_told():
    reader = Reader()
    assert await end_of_message(reader, Spare(1)) == [MessageEndPredicted("item_1", 0.7)]
    (request,) = reader.requests
    assert request.conversation == "sess_1"
    assert [(one.role, one.text) for one in request.messages] == [
        ("system", "Be brief."),
        ("user", "What is new?"),
    ]


async def test_on_a_busy_machine_the_words_are_not_judged_and_nobody_waits_for_that():
    reader, spare = Reader(), Spare(1)
    with spare.seat(anyio.CancelScope(), needed=True):
        assert await end_of_message(reader, spare) == [MessageEndPredicted("item_1", None)]
    assert reader.requests == []


@pytest.mark.parametrize("error", [partial(EngineError, "it broke", stage="generate"), crash])
async def test_a_language_model_that_fails_is_not_waited_for(error, caplog):
    told = await end_of_message(Reader(fails=error), Spare(1))
    assert told == [MessageEndPredicted("item_1", None)]
    assert str(error()) in caplog.text


async def test_judging_the_words_gives_way_and_that_is_told():
    reader, spare = Reader(), Spare(1)
    told: list[Signal] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(predict_message_end, MESSAGE_END, "sess_1", reader, spare, told.append)
        await step(5)
        assert len(reader.requests) == 1
        with spare.seat(anyio.CancelScope(), needed=True):
            await step(5)
            assert told == [MessageEndPredicted("item_1", None)]
    assert reader.finished == 0


async def test_judging_the_words_takes_a_place_while_it_lasts():
    spare, room = Spare(1), list[bool]()
    await end_of_message(Reader(), spare, meanwhile=lambda: room.append(spare.has_room))
    assert room == [False]
    assert spare.has_room


async def test_a_session_that_ends_meanwhile_is_told_nothing():
    told: list[Signal] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            predict_message_end, MESSAGE_END, "sess_1", Reader(), Spare(1), told.append
        )
        await anyio.sleep(30)
        tasks.cancel_scope.cancel()
    assert told == []
