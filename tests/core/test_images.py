import base64
from typing import Any

import pytest
from msgspec.structs import replace

from antiphon.core.images import MAX_IMAGE_BYTES, check_images, without_images
from antiphon.errors import RequestError
from antiphon.wire.items import FunctionCall, InputImage, InputText, Message

from .support import ABILITIES, Rig, types

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"


def data_uri(image: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(image).decode()}"


def showing(*urls: str) -> Message:
    images = tuple(InputImage(image_url=url) for url in urls)
    return Message(role="user", content=(InputText(text="What is this?"), *images))


def item(url: str, **fields: str) -> dict[str, Any]:
    """What a client sends to show an image."""
    part = {"type": "input_image", "image_url": url, **fields}
    return {"type": "message", "role": "user", "content": [part]}


# --- what can be seen -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        data_uri(PNG),
        data_uri(JPEG, "image/jpeg"),
        data_uri(JPEG, "IMAGE/JPEG"),
        data_uri(PNG).replace("data:", "DATA:"),
        data_uri(PNG, "image/png;name=a.png"),
    ],
)
def test_images_in_data_uris_are_taken(url: str) -> None:
    check_images(showing(url), ABILITIES, "item")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://example.org/cat.png", "fetches no images.*data:image/png;base64"),
        ("cat.png", "not a data URI"),
        ("data:image/png,abc", "not a data URI with base64"),
        ("data:image/png;base64", "not a data URI"),
        (data_uri(PNG, "image/webp"), "its type is 'image/webp'. Send image/png or image/jpeg"),
        ("data:image/png;base64,iVBO!", "base64 cannot be decoded"),
        (data_uri(JPEG, "image/png"), "said to be image/png, but does not begin like one"),
        (data_uri(b"", "image/png"), "does not begin like one"),
    ],
)
def test_what_is_no_image_is_refused_with_what_to_do(url: str, reason: str) -> None:
    with pytest.raises(RequestError, match=reason) as refusal:
        check_images(showing(data_uri(PNG), url), ABILITIES, "item")
    assert refusal.value.param == "item.content[2].image_url"
    assert refusal.value.code == "invalid_value"


def test_an_image_that_is_not_there_is_called_missing() -> None:
    with pytest.raises(RequestError) as refusal:
        check_images(Message(role="user", content=(InputImage(),)), ABILITIES, "item")
    assert refusal.value.code == "missing_required_parameter"
    assert refusal.value.param == "item.content[0].image_url"


def test_an_image_may_be_as_large_as_the_limit_and_no_larger() -> None:
    largest = PNG + bytes(MAX_IMAGE_BYTES - len(PNG))
    check_images(showing(data_uri(largest)), ABILITIES, "item")
    with pytest.raises(RequestError, match=f"more than {MAX_IMAGE_BYTES} bytes"):
        check_images(showing(data_uri(largest + b"0")), ABILITIES, "item")


def test_the_images_of_one_item_share_the_limit() -> None:
    half = PNG + bytes(MAX_IMAGE_BYTES // 2)
    with pytest.raises(RequestError, match="the images of the item") as refusal:
        check_images(showing(data_uri(half), data_uri(half)), ABILITIES, "item")
    assert refusal.value.param == "item.content[2].image_url"


def test_a_model_that_does_not_see_is_named() -> None:
    blind = replace(ABILITIES, images=False)
    with pytest.raises(RequestError, match="'mind' cannot see images") as refusal:
        check_images(showing(data_uri(PNG)), blind, "response.input[3]")
    assert refusal.value.code == "unsupported_content_type"
    assert refusal.value.param == "response.input[3].content[1]"
    check_images(showing(), blind, "item")


def test_only_images_are_left_out_of_an_item() -> None:
    shown = without_images(showing(data_uri(PNG)))
    assert shown == Message(role="user", content=(InputText(text="What is this?"), InputImage()))
    call = FunctionCall(name="f", arguments="{}")
    assert without_images(call) is call


# --- in a conversation ----------------------------------------------------------------------------


def test_the_model_sees_an_image_and_how_closely_to_look() -> None:
    rig = Rig()
    rig.send("conversation.item.create", item=item(data_uri(PNG), detail="low"))
    rig.send("conversation.item.create", item=item(data_uri(JPEG, "image/jpeg")))
    rig.send("response.create")
    images = [image for message in rig.plan.messages for image in message.images]
    assert [(image.url, image.detail) for image in images] == [
        (data_uri(PNG), "low"),
        (data_uri(JPEG, "image/jpeg"), "auto"),
    ]


def test_an_image_is_retrieved_but_not_announced() -> None:
    rig = Rig()
    added, done = rig.send("conversation.item.create", item=item(data_uri(PNG), detail="high"))
    assert added["item"] == done["item"]
    assert added["item"]["content"] == [{"type": "input_image", "detail": "high"}]
    (part,) = rig.item(added["item"]["id"])["content"]
    assert part == {"type": "input_image", "image_url": data_uri(PNG), "detail": "high"}


def test_a_refused_image_changes_nothing() -> None:
    rig = Rig()
    before = rig.state()
    refused = rig.send("conversation.item.create", item=item("https://example.org/cat.png"))
    refused += rig.send("response.create", response={"input": [item("https://a.b/c.png")]})
    assert types(refused) == ["error", "error"]
    assert refused[1]["error"]["param"] == "response.input[0].content[0].image_url"
    assert rig.state() == before
