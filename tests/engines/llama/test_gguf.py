"""Reading the head of a GGUF file."""

import struct
from pathlib import Path

import pytest

from antiphon.engines.llama.gguf import read_metadata


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def gguf(*pairs: bytes, version: int = 3, magic: bytes = b"GGUF") -> bytes:
    return struct.pack("<4sIQQ", magic, version, 0, len(pairs)) + b"".join(pairs)


def number(key: str, kind: int, form: str, value: float) -> bytes:
    return text(key) + struct.pack(f"<I{form}", kind, value)


def array(key: str, kind: int, *items: bytes) -> bytes:
    return text(key) + struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)


def read(tmp_path: Path, content: bytes) -> dict[str, object]:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    return read_metadata(path)


@pytest.mark.parametrize("version", [2, 3])
def test_numbers_texts_and_lists_are_read(tmp_path, version):
    content = gguf(
        number("blocks", 4, "I", 24),
        number("least", 11, "q", -3),
        number("epsilon", 6, "f", 0.5),
        number("adds_start", 7, "?", False),
        text("name") + struct.pack("<I", 8) + text("Wörter"),
        array("tokens", 8, text("a"), text("Ġb"), text("")),
        array("types", 5, struct.pack("<i", 1), struct.pack("<i", -4)),
        array("nested", 9, struct.pack("<IQB", 0, 1, 7)),
        array("none", 4),
        version=version,
    )
    assert read(tmp_path, content + b"tensors follow") == {
        "blocks": 24,
        "least": -3,
        "epsilon": 0.5,
        "adds_start": False,
        "name": "Wörter",
        "tokens": ["a", "Ġb", ""],
        "types": [1, -4],
        "nested": [[7]],
        "none": [],
    }


@pytest.mark.parametrize("content", [gguf(version=1), gguf(magic=b"GGML")])
def test_another_format_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="not a GGUF file of version 2 or 3"):
        read(tmp_path, content)


@pytest.mark.parametrize("size", [10, 30, 40, 50])
def test_a_file_that_breaks_off_is_refused(tmp_path, size):
    content = gguf(number("blocks", 4, "I", 24), array("tokens", 8, text("a"), text("b")))
    with pytest.raises(ValueError, match=r"model\.gguf is damaged"):
        read(tmp_path, content[:size])


def test_a_length_beyond_the_end_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"model\.gguf is damaged"):
        read(tmp_path, gguf(struct.pack("<Q", 2**60)))
