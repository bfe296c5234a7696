import pytest

from antiphon.core.conversation import Entry
from antiphon.core.created_items import Admitted, admit
from antiphon.core.outgoing import Outgoing
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioFormat, PcmaFormat, PcmFormat, PcmuFormat
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    McpCall,
    McpListTools,
    Message,
    OutputText,
)

from .support import ABILITIES, CountingEntropy


def take(
    item: Item, *, audio_format: AudioFormat | None = None, before: tuple[Entry, ...] = ()
) -> Admitted:
    return admit(
        item,
        Outgoing(CountingEntropy()),
        before=before,
        abilities=ABILITIES,
        audio_format=audio_format or PcmFormat(),
        param="item",
    )


def user(*parts: InputText | InputAudio) -> Message:
    return Message(role="user", content=parts)


def test_an_item_keeps_the_id_that_the_client_gave_it() -> None:
    item = Message(id="mine", role="user", content=(InputText(text="Hi"),))
    assert take(item).entry.id == "mine"


def test_an_item_without_an_id_gets_one() -> None:
    assert take(user(InputText(text="Hi"))).entry.id == "item_1"


@pytest.mark.parametrize("status", ["in_progress", "incomplete"])
def test_the_status_that_a_client_sends_has_no_effect(status: str) -> None:
    item = Message(
        object="realtime.item",
        status=status,  # type: ignore[arg-type]
        role="assistant",
        content=(OutputText(text="Hello"),),
    )
    taken = take(item).entry.item
    assert taken == Message(
        id="item_1", status="completed", role="assistant", content=(OutputText(text="Hello"),)
    )


@pytest.mark.parametrize(
    ("audio_format", "bytes_per_s"),
    [(PcmFormat(), 48_000), (PcmuFormat(), 8_000), (PcmaFormat(), 8_000)],
)
def test_audio_is_measured_and_handed_on_without_staying_in_the_item(
    audio_format: AudioFormat, bytes_per_s: int
) -> None:
    audio = bytes(bytes_per_s // 2)
    taken = take(user(InputAudio(audio=audio)), audio_format=audio_format)
    assert taken.audio == audio
    assert taken.entry.audio_ms == 500
    assert isinstance(taken.entry.item, Message)
    assert taken.entry.item.content == (InputAudio(transcript=None),)


def test_audio_that_comes_with_its_words_needs_no_transcription() -> None:
    taken = take(user(InputAudio(audio=bytes(4800), transcript="hello")))
    assert taken.audio is None
    assert taken.entry.audio_ms == 100


def test_audio_without_bytes_is_nothing_but_its_words() -> None:
    taken = take(user(InputAudio(transcript="hello")))
    assert taken.audio is None
    assert taken.entry.audio_ms == 0


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(RequestError, match="4801 bytes of 16-bit PCM") as refusal:
        take(user(InputText(text="Hear this:"), InputAudio(audio=bytes(4801))))
    assert refusal.value.param == "item.content[1].audio"
    assert refusal.value.code == "invalid_value"


def test_two_recordings_in_one_message_are_refused() -> None:
    recording = InputAudio(audio=bytes(4800))
    with pytest.raises(RequestError, match="Send one message for each") as refusal:
        take(user(recording, recording))
    assert refusal.value.param == "item.content[1]"


def test_a_call_without_an_id_gets_one() -> None:
    taken = take(FunctionCall(name="look_up", arguments="{}")).entry.item
    assert taken == FunctionCall(
        id="item_1", status="completed", name="look_up", call_id="call_1", arguments="{}"
    )


def test_an_output_needs_its_call() -> None:
    output = FunctionCallOutput(call_id="call_1", output="42")
    with pytest.raises(RequestError, match="Tool call ID 'call_1' not found") as refusal:
        take(output)
    assert refusal.value.code == "invalid_tool_call_id"

    call = Entry(FunctionCall(id="item_0", name="look_up", call_id="call_1", arguments="{}"))
    assert take(output, before=(call,)).entry.item == FunctionCallOutput(
        id="item_1", call_id="call_1", output="42"
    )


def test_what_was_done_with_mcp_before_is_taken_as_it_is() -> None:
    called = McpCall(id="mine", server_label="files", name="read", arguments="{}", output="a")
    assert take(called).entry.item == called
    listed = McpListTools(server_label="files", tools=())
    assert take(listed).entry.item == McpListTools(id="item_1", server_label="files", tools=())
