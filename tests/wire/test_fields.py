from typing import Any

import msgspec
import pytest

from antiphon.wire.fields import CallId, ItemId, MaxOutputTokens, Metadata, OutputModalities


def accepts(kind: Any, value: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ItemId, ["item_1", "a" * 64, "A-b_9"], ["", "a" * 65, "a b", "a\n", "ä", "a.b"]),
        (CallId, ["call_1", "a" * 32], ["", "a" * 33, "a/b"]),
        (MaxOutputTokens, [1, 4096, "inf"], [0, 4097, 1.5, "infinite", None]),
        (OutputModalities, [["audio"], ["text"]], [[], ["text", "audio"], ["image"], "text"]),
        (
            Metadata,
            [{}, {"k" * 64: "v" * 512}, {str(n): "" for n in range(16)}],
            [{"k" * 65: ""}, {"k": "v" * 513}, {str(n): "" for n in range(17)}, {"k": 1}],
        ),
    ],
)
def test_limits(kind, good, bad) -> None:
    assert [value for value in good if not accepts(kind, value)] == []
    assert [value for value in bad if accepts(kind, value)] == []
