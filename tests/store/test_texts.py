from __future__ import annotations

from msgspec import UNSET, json
from msgspec.structs import replace

from antiphon.store.texts import text_of, without_content, without_media
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListedTool,
    McpListTools,
    McpToolExecutionError,
    Message,
    OutputAudio,
)

SECRET = "xylophonist"

EVERY_KIND: tuple[Item, ...] = (
    Message(
        id="a",
        role="user",
        content=(InputText(text=SECRET), InputAudio(transcript=SECRET), InputImage(detail="low")),
    ),
    Message(id="b", role="assistant", content=(OutputAudio(transcript=SECRET),)),
    FunctionCall(id="c", name="play", call_id="call_1", arguments=SECRET),
    FunctionCallOutput(id="d", call_id="call_1", output=SECRET),
    McpCall(id="e", server_label="box", name="play", arguments=SECRET, output=SECRET),
    McpCall(
        id="f",
        server_label="box",
        name="play",
        arguments=SECRET,
        error=McpToolExecutionError(message=SECRET),
    ),
    McpApprovalRequest(id="g", server_label="box", name="play", arguments=SECRET),
    McpApprovalResponse(id="h", approval_request_id="g", approve=True, reason=SECRET),
    McpListTools(
        id="i", server_label="box", tools=(McpListedTool(name="play", input_schema={SECRET: 1}),)
    ),
)


def test_without_content_nothing_is_left_of_what_was_said_in_any_kind_of_item():
    for item in EVERY_KIND:
        emptied = without_content(item)
        assert SECRET.encode() not in json.encode(emptied)
        assert (type(emptied), emptied.id) == (type(item), item.id)


def test_of_audio_and_images_nothing_is_left_but_that_they_were_there():
    """Services may send them with an item, though the API does not."""
    with_media = Message(
        id="a",
        role="user",
        content=(
            InputAudio(audio=SECRET.encode(), transcript="Hello."),
            InputImage(image_url=f"data:image/png;base64,{SECRET}", detail="low"),
        ),
    )
    described = (InputAudio(transcript="Hello."), InputImage(detail="low"))
    assert without_media(with_media) == replace(with_media, content=described)
    emptied = (InputAudio(transcript=""), InputImage(detail="low"))
    assert without_content(with_media) == replace(with_media, content=emptied)


def test_what_was_not_heard_yet_stays_apart_from_what_was_left_out():
    silent = Message(id="a", role="user", content=(InputAudio(),))
    assert without_content(silent) == silent
    unsaid = Message(id="b", role="assistant", content=(OutputAudio(transcript=UNSET),))
    assert without_content(unsaid) == unsaid


def test_items_are_searched_by_all_that_is_said_in_them():
    said = [text_of(item) for item in EVERY_KIND]
    assert said[:4] == [f"{SECRET}\n{SECRET}", SECRET, f"play\n{SECRET}", SECRET]
    assert text_of(McpListTools(id="i", server_label="box", tools=())) == ""
