"""Images that clients show: checked before anything is done with them."""

from __future__ import annotations

import base64
import binascii

from msgspec import UNSET
from msgspec.structs import replace

from antiphon.core.abilities import Abilities
from antiphon.errors import RequestError
from antiphon.wire.items import InputImage, Item, Message

__all__ = ["MAX_IMAGE_BYTES", "check_images", "without_images"]

MAX_IMAGE_BYTES = 5 << 20
"""All images of one item together. A retrieved item is a single frame with its images as base64,
and a larger one would fill the outbox of a client that reads as it should."""

_SIGNATURES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
"""The first bytes of each format (PNG specification, 5.2; JPEG, ITU-T T.81, annex B)."""


def check_images(item: Message, abilities: Abilities, param: str) -> None:
    """Check that the images of a message can be seen, by this server and its language model.

    Args:
        item: As the client sent it.
        abilities: Say whether the language model sees.
        param: Path of the item in the client's event, for errors.

    Raises:
        RequestError: The model does not see, or an image is missing, too large or none at all.
    """
    total_bytes = 0
    for index, part in enumerate(item.content):
        if not isinstance(part, InputImage):
            continue
        abilities.require_images(f"{param}.content[{index}]")
        path = f"{param}.content[{index}].image_url"
        if not part.image_url:
            message = f"Missing required parameter: '{path}'."
            raise RequestError(message, code="missing_required_parameter", param=path)
        total_bytes += _checked_bytes(part.image_url, path)
        if total_bytes > MAX_IMAGE_BYTES:
            raise _invalid(
                f"the images of the item have more than {MAX_IMAGE_BYTES} bytes. Scale them down, "
                "or send several items.",
                path,
            )


def without_images(item: Item) -> Item:
    """Return an item as it is announced: its images, like its audio, are only retrieved."""
    if isinstance(item, Message) and any(isinstance(part, InputImage) for part in item.content):
        content = tuple(
            replace(part, image_url=UNSET) if isinstance(part, InputImage) else part
            for part in item.content
        )
        return replace(item, content=content)
    return item


def _checked_bytes(url: str, path: str) -> int:
    """Return how large the image in a data URI is."""
    head, comma, data = url.partition(",")
    scheme, _, described = head.partition(":")
    if scheme.lower() in {"http", "https"}:
        raise _invalid(
            "the server fetches no images. Send the image itself as a data URI: "
            "'data:image/png;base64,…'.",
            path,
        )
    kind, *parameters = described.lower().split(";")
    if scheme.lower() != "data" or not comma or parameters[-1:] != ["base64"]:
        message = "it is not a data URI with base64, such as 'data:image/png;base64,…'."
        raise _invalid(message, path)
    if kind not in _SIGNATURES:
        raise _invalid(f"its type is '{kind}'. Send {' or '.join(_SIGNATURES)}.", path)
    if len(data) * 3 // 4 > MAX_IMAGE_BYTES + 2:  # up to two bytes are padding
        message = f"the image has more than {MAX_IMAGE_BYTES} bytes. Scale it down."
        raise _invalid(message, path)
    try:
        image = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise _invalid(f"its base64 cannot be decoded: {error}.", path) from error
    if not image.startswith(_SIGNATURES[kind]):
        raise _invalid(f"it is said to be {kind}, but does not begin like one.", path)
    return len(image)


def _invalid(reason: str, path: str) -> RequestError:
    return RequestError(f"Invalid 'image_url': {reason}", code="invalid_value", param=path)
