"""What holds of every response, however it ended."""

from __future__ import annotations

from collections import defaultdict

from tests.support.client import Frame

__all__ = ["check_lifecycle"]

_PAIRS = {
    "response.output_item.added": "response.output_item.done",
    "response.content_part.added": "response.content_part.done",
}


def check_lifecycle(frames: list[Frame]) -> None:
    """Check that each response that was created has ended once, in order, with nothing after it.

    Whatever was opened in an item is closed again, the last of it first, and what the ``.done``
    frames carry is what was sent.
    """
    running: dict[str, dict[str, list[str]]] = {}  # response → item → the frames it still owes
    transcripts: defaultdict[str, str] = defaultdict(str)
    for frame in frames:
        match frame["type"]:
            case "response.created":
                running[frame["response"]["id"]] = defaultdict(list)
            case "response.done":
                owed = running.pop(frame["response"]["id"])  # KeyError: it was done already
                assert not any(owed.values())
                assert frame["response"]["usage"] is not None
            case "response.output_audio_transcript.delta":
                transcripts[frame["item_id"]] += frame["delta"]
            case "response.output_audio_transcript.done":
                assert frame["transcript"] == transcripts[frame["item_id"]]
        if "response_id" not in frame:
            continue
        owed = running[frame["response_id"]]  # KeyError: it is done
        item_id = frame["item"]["id"] if "item" in frame else frame["item_id"]
        if frame["type"] in _PAIRS:
            owed[item_id].append(_PAIRS[frame["type"]])
        elif frame["type"] in _PAIRS.values():
            assert owed[item_id].pop() == frame["type"]
    assert running == {}, "a response has no end"
