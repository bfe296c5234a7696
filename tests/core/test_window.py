"""What the model sees of a conversation that has grown too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.context import messages_of
from antiphon.core.conversation import Entry
from antiphon.core.effects import Transcribe, WarmPrompt
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.settings import resolve
from antiphon.core.signals import TranscriptFinished
from antiphon.core.window import ANSWER_SHARE, LARGEST_ANSWER_SHARE, Reader, Window
from antiphon.engines.scripted.word_counter import WordCounter
from antiphon.errors import RequestError
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    Message,
    OutputText,
)
from antiphon.wire.response import ResponseCreateParams
from antiphon.wire.session import RetentionRatio, TokenLimits, Truncation

from .support import ABILITIES, DEFAULT_INSTRUCTIONS, Frame, Rig, settings

COUNTER = WordCounter()
FRAME_TOKENS = COUNTER.frame_tokens(DEFAULT_INSTRUCTIONS, ())


def plan(max_output_tokens: int | None = None) -> Plan:
    params = ResponseCreateParams(max_output_tokens=max_output_tokens or "inf")
    return resolve(settings(), params, ABILITIES).plan


def words(count: int) -> str:
    return " ".join(["word"] * count)


def said(item_id: str, tokens: int, role: str = "user") -> Entry:
    part = OutputText(text=words(tokens)) if role == "assistant" else InputText(text=words(tokens))
    return Entry(Message(id=item_id, role=role, content=(part,)))  # type: ignore[arg-type]


def called(item_id: str, call_id: str, tokens: int) -> Entry:
    return Entry(FunctionCall(id=item_id, name="f", call_id=call_id, arguments=words(tokens)))


def returned(item_id: str, call_id: str, tokens: int) -> Entry:
    return Entry(FunctionCallOutput(id=item_id, call_id=call_id, output=words(tokens)))


def ids(entries: Sequence[Entry]) -> list[str]:
    return [entry.id for entry in entries]


def reader(room_tokens: int) -> Reader:
    """A model that has room for so many tokens of conversation beside an answer of one."""
    return Reader(COUNTER, room_tokens + FRAME_TOKENS + 1)


def look(
    entries: Sequence[Entry], room_tokens: int, truncation: Truncation = "auto", **fields: Any
) -> list[str]:
    window = Window(reader(room_tokens))
    return ids(window.look(entries, plan(1), truncation, **fields))


TALK = [said("a", 10), said("b", 20, "assistant"), said("c", 10), said("d", 20, "assistant")]
NEWEST = said("e", 10)


def ratio(share: float, post_instructions: int | None = None) -> RetentionRatio:
    if post_instructions is None:
        return RetentionRatio(retention_ratio=share)
    limits = TokenLimits(post_instructions=post_instructions)
    return RetentionRatio(retention_ratio=share, token_limits=limits)


# --- how much ---------------------------------------------------------------------------------


@pytest.mark.parametrize("truncation", ["auto", "disabled", ratio(0.1)])
def test_what_fits_is_seen_whole(truncation: Truncation) -> None:
    assert look([*TALK, NEWEST], 70, truncation) == ["a", "b", "c", "d", "e"]


def test_the_oldest_go_until_it_fits() -> None:
    assert look([*TALK, NEWEST], 69) == ["b", "c", "d", "e"]
    assert look([*TALK, NEWEST], 60) == ["b", "c", "d", "e"]
    assert look([*TALK, NEWEST], 59) == ["c", "d", "e"]


def test_a_retention_ratio_leaves_that_share_of_the_room() -> None:
    assert look([*TALK, NEWEST], 69, ratio(0.8)) == ["c", "d", "e"]
    assert look([*TALK, NEWEST], 69, ratio(0.5)) == ["d", "e"]
    assert look([*TALK, NEWEST], 69, ratio(0.0)) == ["e"]
    assert look([*TALK, NEWEST], 69, ratio(1.0)) == ["b", "c", "d", "e"]


def test_a_limit_after_the_instructions_makes_the_room_smaller() -> None:
    assert look([*TALK, NEWEST], 1000, ratio(1.0, 40)) == ["c", "d", "e"]
    assert look([*TALK, NEWEST], 1000, ratio(0.5, 60)) == ["d", "e"]
    assert look([*TALK, NEWEST], 1000, ratio(0.5, 70)) == ["a", "b", "c", "d", "e"]


def test_a_limit_after_the_instructions_holds_even_if_the_models_own_is_unknown() -> None:
    window = Window(Reader(COUNTER))
    assert ids(window.look([*TALK, NEWEST], plan(), ratio(1.0, 40))) == ["c", "d", "e"]


def test_a_limit_after_the_instructions_lets_no_response_fail() -> None:
    assert look([*TALK, NEWEST], 1000, ratio(1.0, 0)) == ["e"]


def test_room_is_kept_for_the_answer() -> None:
    entries = [said("a", 10), said("b", 700)]
    window = Window(Reader(COUNTER, 800 + FRAME_TOKENS))
    assert ids(window.look(entries, plan(90), "auto")) == ["a", "b"]
    assert ids(window.aside().look(entries, plan(91), "auto")) == ["b"]
    with pytest.raises(RequestError):
        window.look(entries, plan(101), "auto")


def test_an_answer_without_a_limit_is_given_a_share_of_the_context() -> None:
    context_tokens = 100 * ANSWER_SHARE
    room = context_tokens - 100 - FRAME_TOKENS
    window = Window(Reader(COUNTER, context_tokens))
    assert ids(window.look([said("a", 1), said("b", room - 1)], plan(), "auto")) == ["a", "b"]
    assert ids(window.look([said("a", 1), said("b", room)], plan(), "auto")) == ["b"]


def test_a_high_limit_on_the_answer_does_not_displace_the_conversation() -> None:
    context_tokens = 1000
    room = context_tokens - context_tokens // LARGEST_ANSWER_SHARE - FRAME_TOKENS
    window = Window(Reader(COUNTER, context_tokens))
    assert ids(window.look([said("a", room)], plan(4096), "auto")) == ["a"]


def test_what_follows_the_conversation_takes_room_as_well() -> None:
    after = (ChatMessage("user", "three more words"),)
    assert look([said("a", 10), said("b", 10)], 23, after=after) == ["a", "b"]
    assert look([said("a", 10), said("b", 10)], 22, after=after) == ["b"]


def test_without_a_counter_everything_is_seen() -> None:
    window = Window(Reader(None, 10))
    assert ids(window.look([*TALK, NEWEST], plan(), ratio(0.0, 0))) == ["a", "b", "c", "d", "e"]


def test_an_empty_conversation_is_no_trouble() -> None:
    assert look([], 0) == []


# --- what never goes --------------------------------------------------------------------------


def test_the_newest_words_of_the_user_stay() -> None:
    entries = [said("old", 10), said("words", 10), said("x", 10, "assistant"), said("y", 10)]
    silence = Entry(Message(id="hush", role="user", content=(InputAudio(),)))
    entries[-1] = said("y", 10, "assistant")
    assert look([*entries, silence], 10) == ["words", "hush"]


def test_the_item_that_is_answered_stays() -> None:
    entries = [said("words", 10), said("a", 10, "system"), said("b", 10, "system")]
    assert look(entries, 20) == ["words", "b"]


def test_a_call_goes_and_stays_with_its_output() -> None:
    entries = [called("call", "1", 5), said("a", 5), returned("output", "1", 5), said("b", 5)]
    assert look(entries, 19) == ["a", "b"]
    answering = [said("a", 5), called("call", "1", 5), said("b", 5), returned("output", "1", 5)]
    assert look(answering, 15) == ["call", "b", "output"]


def test_an_approval_goes_with_its_request_and_its_call() -> None:
    request = McpApprovalRequest(id="ask", server_label="s", name="t", arguments="{}")
    entries = [
        Entry(request),
        said("a", 5),
        Entry(McpApprovalResponse(id="yes", approval_request_id="ask", approve=True)),
        Entry(
            McpCall(
                id="call", server_label="s", name="t", arguments="{}", approval_request_id="ask"
            )
        ),
        said("b", 5),
    ]
    assert look(entries, 5) == ["b"]


def test_a_late_output_brings_its_call_back() -> None:
    window = Window(reader(20))
    entries = [called("call", "1", 5), said("a", 10), said("b", 10)]
    assert ids(window.look(entries, plan(1), "auto")) == ["a", "b"]
    entries.append(returned("output", "1", 5))
    assert ids(window.look(entries, plan(1), "auto")) == ["call", "b", "output"]


# --- when it is too much ----------------------------------------------------------------------


def test_without_truncation_a_conversation_that_is_too_long_is_refused() -> None:
    with pytest.raises(RequestError) as refusal:
        look([*TALK, NEWEST], 69, "disabled")
    limit = 69 + FRAME_TOKENS
    assert refusal.value.code == "context_length_exceeded"
    assert refusal.value.message == (
        f"The input has {limit + 1} tokens, but the model takes at most {limit}: its context of "
        f"{limit + 1} less 1 for the answer. Delete items, or set 'truncation' to 'auto'."
    )


@pytest.mark.parametrize("truncation", ["auto", ratio(0.5)])
def test_a_message_that_is_too_long_by_itself_is_refused(truncation: Truncation) -> None:
    with pytest.raises(RequestError, match=r"What cannot be left out .* has 82 tokens") as refusal:
        look([*TALK, said("e", 80)], 70, truncation)
    assert refusal.value.code == "context_length_exceeded"


def test_instructions_that_are_too_long_are_refused() -> None:
    window = Window(Reader(COUNTER, 5))
    instructed = msgspec.structs.replace(plan(), instructions=words(6))
    with pytest.raises(RequestError, match="has 6 tokens, but the model takes at most 5"):
        window.look([], instructed, "auto")


def test_a_refused_look_leaves_everything_in_sight() -> None:
    window = Window(reader(70))
    with pytest.raises(RequestError):
        window.look([*TALK, said("e", 80)], plan(1), "auto")
    assert ids(window.look(TALK, plan(1), "auto")) == ["a", "b", "c", "d"]


# --- from response to response ----------------------------------------------------------------


def test_what_has_gone_stays_gone_even_if_there_is_room_again() -> None:
    window = Window(reader(50))
    assert ids(window.look([*TALK, NEWEST], plan(1), "auto")) == ["c", "d", "e"]
    assert ids(window.look([*TALK[:3], NEWEST], plan(1), "auto")) == ["c", "e"]


def test_what_may_never_be_left_out_comes_back_when_the_newer_items_are_deleted() -> None:
    window = Window(reader(50))
    assert ids(window.look([*TALK, NEWEST], plan(1), "auto")) == ["c", "d", "e"]
    assert ids(window.look(TALK[:2], plan(1), "auto")) == ["a", "b"]
    assert ids(window.look(TALK[:1], plan(1), "auto")) == ["a"]


def test_a_call_comes_back_with_its_output_when_the_newer_items_are_deleted() -> None:
    window = Window(reader(50))
    called_and_returned = [called("call", "1", 20), returned("output", "1", 20)]
    window.look([*called_and_returned, *TALK[2:], NEWEST], plan(1), "auto")
    assert ids(window.look(called_and_returned, plan(1), "auto")) == ["call", "output"]


def test_a_look_aside_leaves_no_traces() -> None:
    window = Window(reader(50))
    assert ids(window.aside().look([*TALK, NEWEST], plan(1), "auto")) == ["c", "d", "e"]
    assert ids(window.look(TALK[:2], plan(1), "auto")) == ["a", "b"]


def test_a_look_aside_sees_no_more_than_the_conversation_does() -> None:
    window = Window(reader(50))
    window.look([*TALK, NEWEST], plan(1), "auto")
    assert ids(window.aside().look([*TALK[:3], NEWEST], plan(1), "auto")) == ["c", "e"]


def test_an_item_put_in_front_later_is_seen() -> None:
    """So that clients can replace what they delete by a summary."""
    window = Window(reader(50))
    window.look([*TALK, NEWEST], plan(1), "auto")
    summary = said("summary", 5, "system")
    assert ids(window.look([summary, *TALK, NEWEST], plan(1), "auto")) == [
        "summary",
        *["c", "d", "e"],
    ]


# --- properties -------------------------------------------------------------------------------

KINDS = ("user", "assistant", "system", "call", "output")
truncations = st.one_of(
    st.just("auto"),
    st.builds(ratio, st.floats(0, 1), st.none() | st.integers(0, 80)),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Entry]:
    """Items of all kinds; calls and outputs of a few ids, in any order."""
    entries = []
    for number, (kind, tokens, call_id) in enumerate(
        draw(
            st.lists(
                st.tuples(st.sampled_from(KINDS), st.integers(0, 20), st.sampled_from("123")),
                max_size=12,
            )
        )
    ):
        item_id = f"item_{number}"
        if kind == "call":
            entries.append(called(item_id, call_id, tokens))
        elif kind == "output":
            entries.append(returned(item_id, call_id, tokens))
        else:
            entries.append(said(item_id, tokens, kind))
    return entries


def size(entries: Sequence[Entry]) -> int:
    return sum(COUNTER.message_tokens(message) for e in entries for message in messages_of(e))


def call_id_of(item: Item) -> str | None:
    return item.call_id or None if isinstance(item, FunctionCall | FunctionCallOutput) else None


@given(conversations(), st.integers(0, 150), truncations)
def test_one_look(entries: list[Entry], room_tokens: int, truncation: Truncation) -> None:
    window = Window(reader(room_tokens))
    try:
        seen = window.look(entries, plan(1), truncation)
    except RequestError:
        assert size(entries) > room_tokens
        return
    assert size(seen) <= room_tokens
    assert list(seen) == [entry for entry in entries if entry in seen]  # in order, none twice
    gone = [entry for entry in entries if entry not in seen]
    users = [e for e in entries if isinstance(e.item, Message) and e.item.role == "user"]
    assert not any(entry in gone for entry in [e for e in users if messages_of(e)][-1:])
    assert not any(entry in gone for entry in entries[-1:])
    parted = {call_id_of(entry.item) for entry in gone} & {call_id_of(e.item) for e in seen}
    assert parted <= {None}


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), truncations)
def test_turn_after_turn(lengths: list[int], truncation: Truncation) -> None:
    """The prompts of a conversation begin alike until something has to go, and nothing returns."""
    window, entries, before = Window(reader(100)), list[Entry](), list[Entry]()
    for turn, tokens in enumerate(lengths):
        entries += [said(f"q{turn}", tokens), said(f"a{turn}", tokens, "assistant")]
        asked = entries[:-1]
        seen = list(window.look(asked, plan(1), truncation))
        assert seen == asked[len(asked) - len(seen) :]  # the newest, without a gap
        if before and seen[0] is before[0]:
            assert seen[: len(before)] == before
        else:
            assert not before or seen[0] not in before[:1]
        assert {entry.id for entry in before} >= set(ids(seen[:-2]))
        before = seen


@given(st.floats(0.1, 0.9))
def test_a_ratio_makes_cuts_rare(share: float) -> None:
    window, entries, cuts, first = Window(reader(200)), list[Entry](), 0, None
    for turn in range(100):
        entries.append(said(f"q{turn}", 5))
        seen = window.look(entries, plan(1), ratio(share))
        cuts += seen[0] is not first and first is not None
        first = seen[0]
    freed_by_a_cut = 200 - int(200 * share)
    assert cuts <= 100 * 5 / freed_by_a_cut


# --- in a session -----------------------------------------------------------------------------


def chat(rig: Rig) -> list[str]:
    return [message.text.split()[0] for message in rig.plan.messages]


def talk(rig: Rig, *names: str, **response: object) -> Frame:
    """Say something of ten words for each name, and have each answered with one."""
    for name in names:
        rig.say(f"{name} {words(9)}")
        frames = rig.send("response.create", response=response)
        if frames[-1]["type"] != "response.done":
            frames = rig.answer("Yes.")
    done: Frame = frames[-1]["response"]
    return done


@pytest.mark.parametrize(
    "truncation",
    [
        "auto",
        "disabled",
        {"type": "retention_ratio", "retention_ratio": 0.8},
        {
            "type": "retention_ratio",
            "retention_ratio": 0.5,
            "token_limits": {"post_instructions": 100},
        },
    ],
)
def test_every_form_of_truncation_is_reported_as_it_was_given(truncation: object) -> None:
    rig = Rig()
    (frame,) = rig.send("session.update", session={"type": "realtime", "truncation": truncation})
    assert frame["session"]["truncation"] == truncation


def test_a_long_conversation_goes_on_without_its_oldest_items() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    talk(rig, "a", "b", "c", "d", max_output_tokens=10)
    assert chat(rig) == ["Yes.", "b", "Yes.", "c", "Yes.", "d"]
    assert rig.item("item_1")["content"][0]["text"].startswith("a ")


def test_a_response_that_does_not_fit_fails_and_says_why() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    rig.send("session.update", session={"type": "realtime", "truncation": "disabled"})
    done = talk(rig, "a", "b", "c", "d", max_output_tokens=10)
    assert done["status"] == "failed"
    error = done["status_details"]["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "context_length_exceeded"
    assert "has 45 tokens, but the model takes at most 40" in error["message"]
    assert done["usage"]["total_tokens"] == 0


def test_after_a_response_that_did_not_fit_the_next_one_may() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    rig.say(words(60))
    assert rig.send("response.create")[-1]["response"]["status"] == "failed"
    rig.send("conversation.item.delete", item_id="item_1")
    assert talk(rig, "a")["status"] == "completed"


def test_a_client_that_deletes_what_came_after_gets_an_answer_to_what_is_left() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    talk(rig, "a", "b", "c", "d", max_output_tokens=10)
    added = [f["item"]["id"] for f in rig.frames if f["type"] == "conversation.item.added"]
    for item_id in added[1:]:
        rig.send("conversation.item.delete", item_id=item_id)
    rig.send("response.create")
    assert chat(rig) == ["a"]


def test_an_out_of_band_response_puts_nothing_out_of_sight() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    talk(rig, "a", "b", max_output_tokens=10)
    rig.send("response.create", response={"conversation": "none", "instructions": words(25)})
    assert chat(rig) == ["Yes.", "b", "Yes."]
    rig.answer("Yes.")
    talk(rig, "c", max_output_tokens=10)
    assert chat(rig) == ["a", "Yes.", "b", "Yes.", "c"]


def test_input_of_a_responses_own_sees_what_the_conversation_does_not() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    talk(rig, "a", "b", "c", "d", max_output_tokens=10)
    reference = {"type": "item_reference", "id": "item_1"}
    rig.send("response.create", response={"conversation": "none", "input": [reference]})
    assert chat(rig) == ["a"]


def test_usage_counts_the_audio_that_the_model_sees() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    for transcript in (words(30), words(30)):
        rig.append(1000)
        rig.send("input_audio_buffer.commit")
        rig.feed(TranscriptFinished(rig.effects(Transcribe)[-1].item_id, transcript))
    rig.send("response.create", response={"max_output_tokens": 10})
    done = rig.answer("Yes.")[-1]["response"]
    assert done["usage"]["input_token_details"]["audio_tokens"] == 10


def test_what_is_read_ahead_is_what_the_next_response_sees() -> None:
    rig = Rig(reader=Reader(COUNTER, 50))
    truncation = {"type": "retention_ratio", "retention_ratio": 0.4}
    rig.send("session.update", session={"type": "realtime", "truncation": truncation})
    talk(rig, "a", "b", "c", "d", max_output_tokens=10)
    rig.send("session.update", session={"type": "realtime", "instructions": "Be kind."})
    warmed = rig.effects(WarmPrompt)[-1].messages
    talk(rig, "e", max_output_tokens=10)
    assert rig.plan.messages[: len(warmed)] == warmed
    assert len(rig.plan.messages) == len(warmed) + 1
