"""Random clients and random engines against one session, with every promise checked throughout.

The client sends valid and invalid events about items and responses that exist, existed or never
did. The engines answer in time, late, in pieces, wrongly or not at all. A ledger reads along.
"""

import json
import os
from collections import Counter
from enum import Enum
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.core.effects import (
    CloseConnection,
    DropGuess,
    GuessResponse,
    ReleaseGuess,
    StartResponse,
    StopResponse,
    Transcribe,
)
from antiphon.core.plan import Plan
from antiphon.core.signals import (
    AudioGenerated,
    ConnectionOver,
    Failure,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    TextGenerated,
    ToolCallGenerated,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.wire.audio_config import AudioTranscription, ServerVad
from tests.core import support
from tests.core.loudspeaker import Loudspeaker
from tests.core.support import FRAME_MS, Frame, Rig, types
from tests.support.ledger import Form, Ledger

from . import requests

FAILURE = Failure("generate", "server_error", "The model stopped answering. Try again.")

choices = st.integers(0, 40)
"""Picks one of what exists at that moment; which is not known when the test is drawn."""

texts = st.sampled_from(["Hi", " there all", ""])


class Kind(Enum):
    """What an engine tells of a response it works on."""

    TEXT = "text"
    AUDIO = "audio"
    ALIGNMENT = "alignment"
    NEW_CALL = "new call"
    ARGUMENTS = "arguments"
    PROMPT = "prompt"


kinds = st.sampled_from(Kind)


class SessionMachine(RuleBasedStateMachine):
    """One session with its client, its engines and its ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.sent = 0
        self.expired = False
        self.answered: set[int] = set()  # which requests for a transcript have been answered
        self.calls = Counter[str]()  # how many calls each response has begun

    @initialize(
        modality=st.sampled_from(["text", "audio"]),
        turn_detection=st.sampled_from(
            [
                None,
                ServerVad(silence_duration_ms=2 * FRAME_MS),
                ServerVad(silence_duration_ms=2 * FRAME_MS, interrupt_response=False),
                ServerVad(silence_duration_ms=2 * FRAME_MS, create_response=False),
                ServerVad(silence_duration_ms=8 * FRAME_MS),
                ServerVad(silence_duration_ms=8 * FRAME_MS, interrupt_response=False),
            ]
        ),
        transcription=st.sampled_from([None, AudioTranscription(model="any")]),
        speculation=st.sampled_from(["off", "words", "answers", "answers"]),
        plays=st.booleans(),
    )
    def connect(self, speculation: Any, plays: bool, **start: Any) -> None:
        self.rig = Rig(support.settings(**start), speculation=speculation, plays=plays)
        self.ledger = Ledger(plays=plays)
        self.loudspeaker = Loudspeaker(self.rig)
        self.read(self.rig.frames)
        assert types(self.rig.frames) == ["session.created"]

    # --- the client -------------------------------------------------------------------------------

    @rule(request=requests.item_creations, choice=choices)
    def create_an_item(self, request: Frame, choice: int) -> None:
        self.send(request, choice)

    @rule(request=requests.item_events, choice=choices)
    def ask_about_an_item(self, request: Frame, choice: int) -> None:
        self.send(request, choice)

    @precondition(lambda self: self.spoken())
    @rule(choice=choices, audio_end_ms=st.sampled_from([0, 10, 30, 130, 9999]))
    def stop_listening(self, choice: int, audio_end_ms: int) -> None:
        spoken = self.spoken()
        truncation = {
            "type": "conversation.item.truncate",
            "item_id": spoken[choice % len(spoken)],
            "content_index": 0,
            "audio_end_ms": audio_end_ms,
        }
        self.send(truncation, 0)

    @rule(request=requests.response_creations, choice=choices)
    def create_a_response(self, request: Frame, choice: int) -> None:
        self.send(request, choice)

    @precondition(lambda self: self.ledger.responses)
    @rule(request=requests.cancellations, choice=choices)
    def cancel_a_response(self, request: Frame, choice: int) -> None:
        self.send(request, choice)

    @rule(request=requests.session_updates, choice=choices)
    def update_the_session(self, request: Frame, choice: int) -> None:
        self.send(request, choice)

    @rule(request=requests.buffer_events, choice=choices)
    def use_the_input_buffer(self, request: Frame, choice: int) -> None:
        self.send(request, choice)

    @rule(text=texts)
    def ask(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send({"type": "conversation.item.create", "item": item}, 0)
        self.send({"type": "response.create"}, 0)

    @precondition(lambda self: self.call_ids())
    @rule(choice=choices)
    def return_an_output(self, choice: int) -> None:
        item = {"type": "function_call_output", "call_id": "?call", "output": "42"}
        self.send({"type": "conversation.item.create", "item": item}, choice)

    @rule(text=st.sampled_from(["", "{", "[]", '{"type": 1}', '{"type": "no.such"}', '"x"']))
    def send_nonsense(self, text: str) -> None:
        before = self.rig.state()
        self.ledger.sends(text, Form.BROKEN)
        frames = self.rig.send_frame(text)
        self.read(frames)
        assert types(frames) == ([] if self.expired else ["error"])
        assert self.rig.state() == before

    @rule(words=st.sampled_from(["yes", ""]), goes_on=st.booleans())
    def pause(self, words: str, goes_on: bool) -> None:
        """Speak and pause; whatever is found out about the pause is told to nobody."""
        self.hear(6, 1.0)
        self.hear(3, 0.0)
        guess = self.rig.session._listening.transcripts.guess
        if guess is not None and not self.expired:
            self.answered.add(len(self.rig.effects(Transcribe)) - 1)
            heard = TranscriptExtended(guess.id, words), TranscriptFinished(guess.id, words)
            assert self.rig.feed(*heard) == []
        if goes_on:
            before = len(self.ledger.order)
            self.hear(1, 1.0)
            assert self.rig.session._responses._guess is None
            assert len(self.ledger.order) == before
        else:
            self.hear(12, 0.0)

    @rule(frames=st.integers(1, 12), probability=st.sampled_from([0.0, 0.4, 1.0]))
    def hear(self, frames: int, probability: float) -> None:
        duration_ms = frames * FRAME_MS
        append = {"type": "input_audio_buffer.append", "audio": requests.silence(duration_ms)}
        self.ledger.sends(json.dumps(append))
        self.read(self.rig.hear(duration_ms, probability))

    # --- the engines ------------------------------------------------------------------------------

    @precondition(lambda self: self.unanswered())
    @rule(
        choice=choices,
        text=st.sampled_from(["yes", "one two", ""]),
        ending=st.sampled_from(["finished", "failed", None]),
    )
    def transcribe(self, choice: int, text: str, ending: str | None) -> None:
        unanswered = self.unanswered()
        number = unanswered[choice % len(unanswered)]
        item_id = self.rig.effects(Transcribe)[number].item_id
        signals: list[Signal] = [TranscriptExtended(item_id, text)]
        if ending is not None:
            self.answered.add(number)
            failed = TranscriptFailed(item_id, FAILURE)
            signals.append(failed if ending == "failed" else TranscriptFinished(item_id, text))
        self.read(self.rig.feed(*signals))

    @precondition(lambda self: self.ledger.playback is not None and not self.expired)
    @rule(chunks=st.integers(1, 4))
    def play(self, chunks: int) -> None:
        for _ in range(chunks):
            if (news := self.loudspeaker.play()) is not None:
                self.read(self.rig.feed(news))

    @precondition(lambda self: self.ledger.playback is not None and not self.expired)
    @rule(then=st.sampled_from(["speak", "clear", "listen"]))
    def listen(self, then: str) -> None:
        """Hear the beginning of an answer, which is rarely come to otherwise."""
        aloud = {"output_modalities": ["audio"], "input": []}
        self.send({"type": "response.create", "response": aloud}, 0)
        for plan in self.working():
            for kind in (Kind.TEXT, Kind.AUDIO, Kind.AUDIO):
                self.read(self.rig.feed(*self.content(plan, kind, " there all")))
        self.play(1)
        if then == "speak":
            self.hear(6, 1.0)
        elif then == "clear":
            self.send({"type": "output_audio_buffer.clear"}, 0)

    @precondition(lambda self: self.working())
    @rule(choice=choices, parts=st.lists(st.tuples(kinds, texts), min_size=3, max_size=8))
    def generate(self, choice: int, parts: list[tuple[Kind, str]]) -> None:
        working = self.working()
        plan = working[choice % len(working)]
        for kind, text in parts:
            self.read(self.rig.feed(*self.content(plan, kind, text)))

    @precondition(lambda self: self.working())
    @rule(
        choice=choices, ending=st.sampled_from(["stop", "stop", "length", "content_filter", "fail"])
    )
    def end(self, choice: int, ending: Any) -> None:
        working = self.working()
        one = working[choice % len(working)].response_id
        signal: Signal = GenerationFinished(one, ending, 5)
        self.read(self.rig.feed(GenerationFailed(one, FAILURE) if ending == "fail" else signal))
        done = self.ledger.responses[one].done
        assert done is not None
        assert done["status"] == {"stop": "completed", "fail": "failed"}.get(ending, "incomplete")

    @precondition(lambda self: self.over())
    @rule(choice=choices, kind=kinds)
    def generate_too_late(self, choice: int, kind: Kind) -> None:
        over = self.over()
        self.is_dropped(*self.content(over[choice % len(over)], kind, "late"))

    @rule(response_id=st.sampled_from(["resp_none", ""]))
    def generate_for_nobody(self, response_id: str) -> None:
        self.is_dropped(TextGenerated(response_id, "x", 1))

    # --- time -------------------------------------------------------------------------------------

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds: int) -> None:
        assert self.rig.tick(seconds) == []

    @precondition(lambda self: self.sent > 15 and not self.expired)
    @rule(luck=st.integers(0, 5))
    def expire(self, luck: int) -> None:
        if luck == 5:
            self.end_of_session()

    @precondition(lambda self: self.sent > 5 and self.ledger.running and not self.expired)
    @rule(luck=st.integers(0, 5))
    def lose_the_client(self, luck: int) -> None:
        if luck == 5:
            self.ledger.client_is_gone = True
            for frame in self.rig.feed(ConnectionOver()):
                self.ledger.read(frame)
            self.expired = self.ledger.expired = True  # though nobody is told of it
            assert self.rig.session.deadline() is None
            assert self.ledger.running == []

    # --- what holds throughout --------------------------------------------------------------------

    @invariant()
    def the_client_knows_the_order_of_the_items(self) -> None:
        known = [] if self.expired else self.ledger.order  # when it is over, it is let go of
        assert [entry.id for entry in self.rig.session._conversation] == known

    @invariant()
    def the_client_knows_which_responses_run(self) -> None:
        assert [one.id for one in self.rig.session._responses] == self.ledger.running

    @invariant()
    def only_what_works_is_stopped_and_only_once(self) -> None:
        started = [plan.response_id for plan in self.plans()]
        stopped = [effect.response_id for effect in self.rig.effects(StopResponse)]
        assert len(started) == len(set(started))
        assert len(stopped) == len(set(stopped))
        assert set(stopped) <= set(started) - set(self.ledger.running)

    @invariant()
    def a_guess_is_released_or_dropped_once_and_there_is_never_a_second_one(self) -> None:
        under_way: str | None = None
        for effect in self.rig.log:
            match effect:
                case GuessResponse(plan=plan):
                    assert under_way is None
                    under_way = plan.response_id
                case DropGuess(response_id=response_id) | ReleaseGuess(response_id=response_id):
                    assert under_way == response_id
                    under_way = None

    @invariant()
    def responses_that_nobody_wanted_are_never_told_of(self) -> None:
        begun = {plan.response_id for plan in self.plans()}
        dropped = {effect.response_id for effect in self.rig.effects(DropGuess)}
        for response_id in (dropped - begun) & set(self.ledger.responses):
            response = self.ledger.responses[response_id]
            assert response.items == []  # it ended, or waits, without ever having begun

    def teardown(self) -> None:
        """Whatever has happened, every item can be read, and every response ends by itself."""
        if self.expired:
            return
        for item_id in tuple(self.ledger.order):
            self.send({"type": "conversation.item.retrieve", "item_id": item_id}, 0)
        for number in self.unanswered():
            item_id = self.rig.effects(Transcribe)[number].item_id
            self.read(self.rig.feed(TranscriptFinished(item_id, "at last")))
        for response_id in self.ledger.running:
            self.read(self.rig.feed(GenerationFinished(response_id, "stop", 5)))
            assert response_id in {plan.response_id for plan in self.plans()}, "nothing waits"
        assert self.ledger.running == []
        while (news := self.loudspeaker.play()) is not None:
            self.read(self.rig.feed(news))
        assert self.ledger.playback is None or self.ledger.playback.settled
        self.end_of_session()

    # --- how it is done ---------------------------------------------------------------------------

    def read(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.ledger.read(frame)
        self.ledger.settle()

    def send(self, request: Frame, choice: int) -> None:
        """Send an event; if it is refused, check that nothing but the refusal came of it."""
        self.sent += 1
        event_id = f"client_{self.sent}"
        event = {"event_id": event_id, **requests.filled_in(request, self.known(), choice)}
        before, logged = self.rig.state(), len(self.rig.log)
        text = json.dumps(event)
        self.ledger.sends(text)
        frames = self.rig.send_frame(text)
        self.read(frames)
        refusals = [
            frame
            for frame in frames
            if frame["type"] == "error" and frame["error"]["event_id"] == event_id
        ]
        if refusals:
            assert self.rig.log[logged:] == refusals
            assert self.rig.state() == before
            assert len(refusals) == 1
        assert not (self.expired and frames)

    def plans(self) -> list[Plan]:
        guessed = {one.plan.response_id: one.plan for one in self.rig.effects(GuessResponse)}
        released = [guessed[one.response_id] for one in self.rig.effects(ReleaseGuess)]
        return [effect.plan for effect in self.rig.effects(StartResponse)] + released

    def known(self) -> requests.Known:
        announced = [self.ledger.announced] if self.ledger.announced else []
        return requests.Known(
            items=self.ledger.order + announced,
            responses=list(self.ledger.responses),
            calls=self.call_ids(),
        )

    def call_ids(self) -> list[str]:
        return [
            frame["item"]["call_id"]
            for frame in self.rig.frames
            if frame["type"] == "response.output_item.added"
            and frame["item"]["type"] == "function_call"
        ]

    def spoken(self) -> list[str]:
        """Return the ids of the answers in which something has been said aloud."""
        return [
            item.id
            for account in self.ledger.responses.values()
            for item in account.items
            if item.has_audio
        ]

    def unanswered(self) -> list[int]:
        """Return which requests for a transcript have not been answered."""
        requested = range(len(self.rig.effects(Transcribe)))
        return [] if self.expired else [n for n in requested if n not in self.answered]

    def working(self) -> list[Plan]:
        return [plan for plan in self.plans() if plan.response_id in self.ledger.running]

    def over(self) -> list[Plan]:
        if self.expired:
            return []
        return [plan for plan in self.plans() if plan.response_id not in self.ledger.running]

    def written(self, response_id: str) -> int:
        """Return how many characters of a response's open message there are."""
        items = self.ledger.responses[response_id].items
        return sum(len(item.text) for item in items if item.type == "message" and not item.final)

    def content(self, plan: Plan, kind: Kind, text: str) -> tuple[Signal, ...]:
        """Return what the engines may tell next of a response they work on."""
        one = plan.response_id
        call = self.calls[one]
        if kind in {Kind.AUDIO, Kind.ALIGNMENT} and plan.modality == "text":
            kind = Kind.TEXT
        spoken = SegmentSpoken(one, self.written(one))
        match kind:
            case Kind.PROMPT:
                return (PromptMeasured(one, 12, 3),)
            case Kind.TEXT:
                return (TextGenerated(one, text, 1),)
            case Kind.AUDIO:
                return (AudioGenerated(one, bytes(960), 20), spoken)
            case Kind.ALIGNMENT:
                return (spoken,)
            case Kind.NEW_CALL:
                self.calls[one] += 1
                return (ToolCallGenerated(one, call, "look_up", "", 1),)
            case Kind.ARGUMENTS:
                self.calls[one] = max(call, 1)
                return (ToolCallGenerated(one, max(call, 1) - 1, "look_up", '{"q":', 1),)

    def is_dropped(self, *signals: Signal) -> None:
        dropped = self.rig.session.dropped_signals
        assert self.rig.feed(*signals) == []
        assert self.rig.session.dropped_signals == dropped + (len(signals) * (not self.expired))

    def end_of_session(self) -> None:
        frames = self.rig.tick(SESSION_LIFETIME_S)
        self.read(frames)
        self.expired = True
        assert frames[-1]["error"]["code"] == "session_expired"
        assert isinstance(self.rig.log[-1], CloseConnection)
        assert self.rig.session.deadline() is None
        assert self.ledger.running == []


_PROFILES = {
    "default": settings(max_examples=300, stateful_step_count=40),
    "ci": settings(max_examples=300, stateful_step_count=40, derandomize=True, print_blob=True),
    "thorough": settings(max_examples=3000, stateful_step_count=60, print_blob=True),
}
_DEFAULT = "ci" if os.environ.get("CI") else "default"

TestSession = SessionMachine.TestCase
TestSession.settings = settings(
    _PROFILES[os.environ.get("HYPOTHESIS_PROFILE", _DEFAULT)],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
