import pytest

from antiphon.core.conversation import MAX_CLIENT_BYTES, Conversation, Entry, Hearing
from antiphon.core.signals import Failure
from antiphon.core.speech import SpokenText
from antiphon.errors import RequestError
from antiphon.wire.items import InputAudio, InputText, Message, OutputAudio


def entry(item_id: str) -> Entry:
    return Entry(Message(id=item_id, role="user", content=(InputText(text="Hi"),)))


def conversation(*item_ids: str) -> Conversation:
    made = Conversation("conv_1")
    for item_id in item_ids:
        made.append(entry(item_id))
    return made


def order(made: Conversation) -> list[str]:
    return [one.id for one in made]


def test_it_begins_empty() -> None:
    assert order(conversation()) == []
    assert conversation().last_id is None


def test_appending_tells_the_predecessor() -> None:
    made = conversation()
    assert made.append(entry("a")) is None
    assert made.append(entry("b")) == "a"
    assert made.last_id == "b"


@pytest.mark.parametrize(
    ("previous_item_id", "expected"),
    [
        (None, ["a", "b", "new"]),
        ("", ["a", "b", "new"]),
        ("root", ["new", "a", "b"]),
        ("a", ["a", "new", "b"]),
        ("b", ["a", "b", "new"]),
    ],
)
def test_an_item_goes_where_it_was_asked_to(
    previous_item_id: str | None, expected: list[str]
) -> None:
    made = conversation("a", "b")
    new = entry("new")
    told = made.insert(made.place_after(previous_item_id), new)
    assert order(made) == expected
    assert told == made.id_before(new)


def test_an_unknown_place_is_refused_by_name() -> None:
    with pytest.raises(RequestError, match="previous item with id 'x' does not exist") as refusal:
        conversation("a").place_after("x")
    assert refusal.value.code == "item_create_invalid_previous_item_id"


def test_neighbours_close_up_around_a_removed_item() -> None:
    made = conversation("a", "b", "c")
    made.remove(made.require("b", verb="delete"))
    assert order(made) == ["a", "c"]
    assert made.id_before(made.require("c", verb="retrieve")) == "a"
    assert made.find("b") is None


@pytest.mark.parametrize(
    ("verb", "doing"),
    [("delete", "deleting"), ("retrieve", "retrieving"), ("truncate", "truncating")],
)
def test_an_unknown_item_is_refused_by_name(verb: str, doing: str) -> None:
    with pytest.raises(RequestError) as refusal:
        conversation("a").require("x", verb=verb)
    assert refusal.value.code == f"item_{verb}_invalid_item_id"
    assert refusal.value.message == f"Error {doing} item: the item with id 'x' does not exist."
    assert refusal.value.param is None


def test_hearing_ends_with_the_words_in_the_part_that_was_heard() -> None:
    told = InputAudio(transcript="as I said")
    heard = Entry(
        Message(id="a", role="user", content=(InputText(text="Listen:"), told, InputAudio())),
        hearing=Hearing.PENDING,
        audio_part=2,
    )
    heard.finish_hearing("good morning")
    assert heard.hearing is Hearing.DONE
    assert isinstance(heard.item, Message)
    assert heard.item.content == (
        InputText(text="Listen:"),
        told,
        InputAudio(transcript="good morning"),
    )


def test_a_failed_hearing_says_why() -> None:
    heard = Entry(Message(id="a", role="user", content=(InputAudio(),)), hearing=Hearing.PENDING)
    failure = Failure("transcribe", "server_error", "The transcriber is gone.")
    heard.fail_hearing(failure)
    assert heard.hearing is Hearing.FAILED
    assert heard.failure is failure


# --- truncation -----------------------------------------------------------------------------------

WHOLE = Message(
    id="a",
    role="assistant",
    status="completed",
    content=(OutputAudio(transcript="One two three four."),),
)


def speech() -> SpokenText:
    spoken = SpokenText()
    spoken.say("One two three four.")
    spoken.sound(1900)
    spoken.align(19)
    return spoken


def transcript(one: Entry) -> object:
    assert isinstance(one.item, Message)
    (part,) = one.item.content
    assert isinstance(part, OutputAudio)
    return part.transcript


def test_truncation_keeps_the_words_that_were_heard() -> None:
    one = Entry(WHOLE, speech=speech())
    assert one.truncate(800) == 800
    assert transcript(one) == "One two"


def test_what_was_cut_off_does_not_come_back() -> None:
    one = Entry(WHOLE, speech=speech())
    one.truncate(800)
    assert one.truncate(1900) == 800
    assert transcript(one) == "One two"


def test_an_answer_truncated_while_it_grows_stays_truncated_when_it_ends() -> None:
    growing = Message(id="a", role="assistant", status="in_progress", content=())
    one = Entry(growing, speech=speech())
    one.truncate(800)
    one.finish_output(WHOLE)
    assert transcript(one) == "One two"


# --- how much it holds ----------------------------------------------------------------------------


def test_it_holds_so_many_items_and_has_room_again_when_one_is_deleted(monkeypatch):
    monkeypatch.setattr("antiphon.core.conversation.MAX_ITEMS", 2)
    made = conversation("one")
    made.refuse_full()
    made.append(entry("two"))
    with pytest.raises(RequestError, match="has 2 items, and may have 2") as refusal:
        made.refuse_full()
    assert refusal.value.code == "too_many_items"
    first = made.find("one")
    assert first
    made.remove(first)
    made.refuse_full()


def test_what_the_client_puts_in_is_bounded_and_what_it_deletes_counts_no_more():
    made = Conversation("conv_1")
    large = entry("large")
    made.insert(0, large, client_bytes=MAX_CLIENT_BYTES - 10)
    made.refuse_large(10)
    with pytest.raises(RequestError, match=f"may have {MAX_CLIENT_BYTES}; this one has 11"):
        made.refuse_large(11)
    made.remove(large)
    made.refuse_large(MAX_CLIENT_BYTES)
