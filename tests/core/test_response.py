import itertools
from collections.abc import Callable

import pytest

from antiphon.core.conversation import Conversation, Entry, Hearing
from antiphon.core.effects import Effect, KeepResponse, SendEvent
from antiphon.core.outgoing import Outgoing
from antiphon.core.response import TRANSITIONS, Input, Response, ResponseSettings, State
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFinished,
    PromptMeasured,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.wire import server_events as sent
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.items import InputAudio, Message
from antiphon.wire.response import (
    RealtimeResponse,
    RealtimeResponseAudio,
    RealtimeResponseAudioOutput,
)

from .support import CountingEntropy

FAILURE = Failure("generate", "server_error", "The model stopped answering. Try again.")
FINAL = {State.COMPLETED, State.CANCELLED, State.FAILED, State.INCOMPLETE}

Step = Callable[[Response], object]

REACHED_BY: dict[State, list[Step]] = {
    State.WAITING: [],
    State.ACTIVE: [lambda response: response.start(response.context)],
    State.COMPLETED: [
        lambda response: response.start(response.context),
        lambda response: response.complete(),
    ],
    State.CANCELLED: [lambda response: response.cancel("client_cancelled")],
    State.FAILED: [lambda response: response.fail(FAILURE)],
    State.INCOMPLETE: [
        lambda response: response.start(response.context),
        lambda response: response.finish(GenerationFinished("resp_1", "length", 0)),
    ],
}

STEPS: list[tuple[Input, Step]] = [
    (Input.START, lambda response: response.start(response.context)),
    (Input.CONTENT, lambda response: response.write(TextGenerated("resp_1", "Hi", 1))),
    (Input.CONTENT, lambda response: response.sound(AudioGenerated("resp_1", b"\0\0", 1))),
    (Input.CONTENT, lambda response: response.call(ToolCallGenerated("resp_1", 0, "f", "{", 1))),
    (Input.FINISH, lambda response: response.complete()),
    (Input.FINISH, lambda response: response.finish(GenerationFinished("resp_1", "stop", 9))),
    (Input.CUT_OFF, lambda response: response.finish(GenerationFinished("resp_1", "length", 9))),
    (
        Input.CUT_OFF,
        lambda response: response.finish(GenerationFinished("resp_1", "content_filter", 9)),
    ),
    (Input.CANCEL, lambda response: response.cancel("client_cancelled")),
    (Input.CANCEL, lambda response: response.cancel("turn_detected")),
    (Input.FAIL, lambda response: response.fail(FAILURE)),
]


class Made:
    """A response, the conversation it writes to, and what has left it."""

    def __init__(self, *, context: tuple[Entry, ...] = ()) -> None:
        self.outgoing = Outgoing(CountingEntropy())
        self.conversation = Conversation("conv_1")
        self.response = Response(
            self.outgoing,
            self.conversation,
            settings=ResponseSettings(
                modality="audio",
                max_output_tokens="inf",
                audio=RealtimeResponseAudio(
                    output=RealtimeResponseAudioOutput(format=PcmFormat(), voice="alloy")
                ),
                metadata=None,
            ),
            context=context,
        )

    def reach(self, state: State) -> None:
        for step in REACHED_BY[state]:
            step(self.response)
        assert self.response.state is state

    def done(self) -> RealtimeResponse:
        """Return what the one ``response.done`` so far carried; check that it was kept, too."""
        effects = self.outgoing.drain()
        (done,) = [event.response for event in events(effects, sent.ResponseDone)]
        (kept,) = [effect.response for effect in effects if isinstance(effect, KeepResponse)]
        assert kept == done
        return done


def events(effects: list[Effect], kind: type[sent.ResponseDone]) -> list[sent.ResponseDone]:
    return [
        effect.event
        for effect in effects
        if isinstance(effect, SendEvent) and isinstance(effect.event, kind)
    ]


ILLEGAL = [
    (state, happened, step)
    for state, (happened, step) in itertools.product(State, STEPS)
    if (state, happened) not in TRANSITIONS
]
LEGAL = [
    (state, happened, step)
    for state, (happened, step) in itertools.product(State, STEPS)
    if (state, happened) in TRANSITIONS
]


def test_every_input_is_tried_in_every_state() -> None:
    assert {happened for happened, _ in STEPS} == set(Input)
    assert set(REACHED_BY) == set(State)
    assert {(state, happened) for state, happened, _ in LEGAL} == set(TRANSITIONS)


@pytest.mark.parametrize(("state", "happened", "step"), LEGAL)
def test_a_legal_input_moves_the_response(state: State, happened: Input, step: Step) -> None:
    made = Made()
    made.reach(state)
    step(made.response)
    assert made.response.state is TRANSITIONS[state, happened]


@pytest.mark.parametrize(("state", "happened", "step"), ILLEGAL)
def test_an_illegal_input_raises_and_changes_nothing(
    state: State, happened: Input, step: Step
) -> None:
    made = Made()
    made.reach(state)
    made.outgoing.drain()
    with pytest.raises(KeyError):
        step(made.response)
    assert made.response.state is state
    assert made.outgoing.drain() == []
    assert list(made.conversation) == []
    if state not in FINAL:
        made.response.cancel("client_cancelled")
        usage = made.done().usage
        assert usage is not None
        assert usage.total_tokens == 0


def test_a_response_ends_only_once() -> None:
    for state, _ in TRANSITIONS:
        assert state not in FINAL
    assert set(TRANSITIONS.values()) - FINAL == {State.ACTIVE}


@pytest.mark.parametrize(("state", "happened", "step"), LEGAL)
def test_whatever_ends_it_the_end_is_one_done_with_usage(
    state: State, happened: Input, step: Step
) -> None:
    made = Made()
    made.reach(state)
    if state is State.ACTIVE:
        made.response.write(TextGenerated("resp_1", "Hello", 2))
    step(made.response)
    if made.response.state not in FINAL:
        assert events(made.outgoing.drain(), sent.ResponseDone) == []
        return
    done = made.done()
    assert done.status == made.response.state.value
    assert done.usage is not None
    item_status = "completed" if done.status == "completed" else "incomplete"
    assert all(isinstance(item, Message) and item.status == item_status for item in done.output)
    if done.status == "completed":
        assert done.status_details is None
    else:
        assert done.status_details is not None
        assert done.status_details.type == done.status


def test_a_response_waits_for_the_words_of_its_context() -> None:
    heard = Entry(
        Message(id="item_1", role="user", content=(InputAudio(),)), hearing=Hearing.PENDING
    )
    response = Made(context=(heard,)).response
    assert not response.ready
    heard.finish_hearing("good morning")
    assert response.ready
    response.start(response.context)
    assert not response.ready


def test_a_response_in_work_does_not_wait_any_more() -> None:
    made = Made()
    assert made.response.ready
    made.reach(State.ACTIVE)
    assert not made.response.ready


def test_usage_counts_what_was_read_and_written_before_the_end() -> None:
    made = Made()
    made.reach(State.ACTIVE)
    made.response.measure(PromptMeasured("resp_1", input_tokens=20, cached_tokens=5))
    made.response.write(TextGenerated("resp_1", "Hello", 2))
    made.response.sound(AudioGenerated("resp_1", bytes(4800), 100))
    made.response.cancel("turn_detected")
    usage = made.done().usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (20, 2 + 2)


def test_it_knows_the_calls_it_made() -> None:
    made = Made()
    made.reach(State.ACTIVE)
    made.response.call(ToolCallGenerated("resp_1", 0, "f", "{}", 1))
    assert made.response.made_call("call_1")
    assert not made.response.made_call("call_2")
