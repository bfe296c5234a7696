"""When a well-formed request has to be refused, and what has to come of one that is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from tests.support.ledger.conversation import text_of
from tests.support.ledger.frames import Frame, audio_ms

if TYPE_CHECKING:
    from tests.support.ledger.ledger import Ledger

__all__ = ["check_answer", "is_borderline", "objections", "would_cancel"]

MIN_COMMIT_MS = 100
TRUNCATE_TOLERANCE_MS = 100
_CLOCK_TOLERANCE_MS = 1.0

_ROOT = "root"

_LISTENING = {
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.retrieve",
    "conversation.item.delete",
}
"""What a session does that only listens."""


# --- refusals -------------------------------------------------------------------------------------


def objections(event: Frame, ledger: Ledger) -> Collection[str]:
    """Return the codes of the errors that a well-formed event may be refused with, as things are.

    It has to be refused if there are any, and must not be if there are none.
    """
    if not ledger.answers and event["type"] not in _LISTENING:
        return ["invalid_value"]
    match event["type"]:
        case "session.update":
            return set(_to_update(event["session"], ledger))
        case "conversation.item.create":
            return set(_to_create(event, ledger))
        case "conversation.item.retrieve" | "conversation.item.delete":
            verb = event["type"].rpartition(".")[2]
            known = event["item_id"] in ledger.order
            return [] if known else [f"item_{verb}_invalid_item_id"]
        case "conversation.item.truncate":
            return set(_to_truncate(event, ledger))
        case "input_audio_buffer.append":
            return set(_to_audio(event["audio"], ledger))
        case "input_audio_buffer.commit":
            too_short = ledger.input.held_ms < MIN_COMMIT_MS
            return ["input_audio_buffer_commit_empty"] if too_short else []
        case "response.create":
            return set(_to_respond(event.get("response") or {}, ledger))
        case "response.cancel":
            return [] if would_cancel(event, ledger) else ["response_cancel_not_active"]
        case "output_audio_buffer.clear":
            return ["invalid_value"]
        case _:
            return []


def is_borderline(event: Frame, ledger: Ledger) -> bool:
    """Say whether the client cannot know if an event will be refused."""
    match event["type"]:
        case "session.update":
            # Whether the voice has been heard, so that it cannot be changed, has not been told.
            return ledger.playback is not None
        case "input_audio_buffer.commit":
            return abs(ledger.input.held_ms - MIN_COMMIT_MS) <= _CLOCK_TOLERANCE_MS
        case "conversation.item.create":
            # An item that was deleted keeps its id as long as somebody listens to its audio.
            return event["item"].get("id") in ledger.conversation.ever
        case "conversation.item.truncate":
            if ledger.playback is not None:
                return True  # how much audio there is has not been told
            item = ledger.output_item(event["item_id"])
            latest_ms = (item.audio_ms if item else 0) + TRUNCATE_TOLERANCE_MS
            return bool(abs(event["audio_end_ms"] - latest_ms) <= _CLOCK_TOLERANCE_MS)
        case "response.create":
            return _may_be_listed(event.get("response") or {}, ledger)
        case _:
            return False


def _may_be_listed(params: Frame, ledger: Ledger) -> bool:
    """Whether it matters which tools an MCP server has at this very moment.

    Servers that are named in another way are asked again, and another way may allow less.
    """
    choice = params.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] == "mcp":
        in_conversation = params.get("conversation") != "none"
        return in_conversation and choice["server_label"] in ledger.mcp.ever_listed
    return any(item["server_label"] in ledger.mcp.ever_listed for item in _listings(params, ledger))


def _listings(params: Frame, ledger: Ledger) -> Iterable[Frame]:
    """Return the items in a response's input that show the tools of MCP servers."""
    references = [item for item in params.get("input") or [] if item["type"] == "item_reference"]
    found = [ledger.conversation.item(one["id"]) for one in references if one["id"] in ledger.order]
    return [item for item in found if item["type"] == "mcp_list_tools"]


def _to_update(patch: Frame, ledger: Ledger) -> Iterable[str]:
    if not ledger.answers:
        return
    audio = patch.get("audio") or {}
    voice = (audio.get("output") or {}).get("voice")
    if voice not in {None, ledger.session["audio"]["output"]["voice"]} and ledger.has_spoken:
        yield "cannot_update_voice"
    merged = {**ledger.session, **patch}
    if _names_missing_tool(merged["tool_choice"], merged["tools"]):
        yield "invalid_value"
    if ledger.session.get("tracing") not in (None, merged.get("tracing")):
        yield "invalid_value"


def _to_create(event: Frame, ledger: Ledger) -> Iterable[str]:
    item, previous = event["item"], event.get("previous_item_id")
    if previous and previous != _ROOT and previous not in ledger.order:
        yield "item_create_invalid_previous_item_id"
    if item.get("id") and item["id"] in {*ledger.order, ledger.input.announced}:
        yield "invalid_value"
    yield from _to_item(item, ledger, ())


def _to_item(item: Frame, ledger: Ledger, before: Collection[Frame]) -> Iterable[str]:
    if item["type"] == "function_call_output":
        called = {one.get("call_id") for one in before if one["type"] == "function_call"}
        if item["call_id"] not in called and not ledger.conversation.has_call(item["call_id"]):
            yield "invalid_tool_call_id"
    if (
        item["type"] == "mcp_approval_response"
        and item["approval_request_id"] not in ledger.mcp.unanswered
    ):
        yield "invalid_approval_request_id"
    for part in item.get("content", []):
        if part.get("audio"):
            yield from _to_audio(part["audio"], ledger)


def _to_audio(base64_text: str, ledger: Ledger) -> Iterable[str]:
    audio_format = ledger.session["audio"]["input"]["format"]
    is_pcm = audio_format["type"] == "audio/pcm"
    if is_pcm and audio_ms(base64_text, {"type": "audio/pcma"}) * 8 % 2:
        yield "invalid_value"


def _to_truncate(event: Frame, ledger: Ledger) -> Iterable[str]:
    if event["item_id"] not in ledger.order:
        yield "item_truncate_invalid_item_id"
        return
    item = ledger.output_item(event["item_id"])
    if item is None or not item.has_audio or event["content_index"]:
        yield "unsupported_content_type"
    elif event["audio_end_ms"] > item.audio_ms + TRUNCATE_TOLERANCE_MS:
        yield "invalid_value"


def _to_respond(params: Frame, ledger: Ledger) -> Iterable[str]:
    if params.get("conversation") != "none" and ledger.active is not None:
        yield "conversation_already_has_active_response"
    merged = {**ledger.session, **params}
    if _names_missing_tool(merged["tool_choice"], merged["tools"]):
        yield "invalid_value"
    choice = params.get("tool_choice")
    label = choice.get("server_label") if isinstance(choice, dict) else None
    if label is not None and label not in ledger.mcp.ever_listed:
        yield "invalid_value"
    if params.get("conversation") == "none":
        has_mcp_tools = any(tool["type"] == "mcp" for tool in params.get("tools") or [])
        if label is not None or has_mcp_tools:
            yield "invalid_value"
    if any(
        item["server_label"] not in ledger.mcp.ever_listed for item in _listings(params, ledger)
    ):
        yield "invalid_value"
    items = params.get("input") or []
    for index, item in enumerate(items):
        if item["type"] == "item_reference":
            if item["id"] not in ledger.order:
                yield "invalid_value"
        else:
            yield from _to_item(item, ledger, items[:index])


def _names_missing_tool(choice: Any, tools: Iterable[Frame]) -> bool:
    if not isinstance(choice, dict):
        return False
    key = "server_label" if choice["type"] == "mcp" else "name"
    return choice[key] not in {tool.get(key) for tool in tools}


def would_cancel(event: Frame, ledger: Ledger) -> str | None:
    """Return the id of the response that an event would cancel."""
    if event.get("type") != "response.cancel":
        return None
    named = event.get("response_id")
    if named:
        return named if named in ledger.running else None
    return ledger.active


# --- answers --------------------------------------------------------------------------------------


def check_answer(event: Frame, frame: Frame, ledger: Ledger) -> None:
    """Check that a frame says what the event that it answers has asked for."""
    match event["type"]:
        case "session.update":
            _check_updated(event["session"], frame["session"])
        case "conversation.item.create":
            _check_created(event, frame, ledger)
        case "conversation.item.retrieve":
            assert frame["item"]["id"] == event["item_id"]
        case "conversation.item.delete":
            assert frame["item_id"] == event["item_id"]
        case "conversation.item.truncate":
            assert frame["item_id"] == event["item_id"]
            assert frame["content_index"] == event["content_index"]
            _check_truncated(event, frame, ledger)
        case "response.create":
            _check_response(event.get("response") or {}, frame["response"])
        case "response.cancel":
            named = event.get("response_id")
            assert named in {None, "", frame["response"]["id"]}
            assert named or ledger.responses[frame["response"]["id"]].in_conversation


def _check_updated(patch: Frame, after: Frame) -> None:
    for key, value in patch.items():
        if key == "audio":
            for side, changes in value.items():
                assert _shows(after["audio"][side], changes)
        elif key == "tools":
            assert _shows(after[key], [_without_secrets(tool) for tool in value])
            assert after[key] == [_without_secrets(tool) for tool in after[key]]
        elif key not in {"model", "type"} and value not in ("", None):
            assert _shows(after[key], value)


def _without_secrets(tool: Frame) -> Frame:
    return {key: tool[key] for key in tool if key not in {"authorization", "headers"}}


def _shows(after: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(after, dict):
        return all(_shows(after.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(after, list):
        return len(wanted) == len(after) and all(map(_shows, after, wanted))
    return bool(after == wanted)


def _check_created(event: Frame, frame: Frame, ledger: Ledger) -> None:
    asked, item = event["item"], frame["item"]
    assert not asked.get("id") or item["id"] == asked["id"]
    for key in ("type", "role", "name", "arguments", "output"):
        assert item.get(key) == asked.get(key)
    assert text_of(item) == text_of(asked)
    previous = event.get("previous_item_id")
    place = ledger.order.index(item["id"])
    if previous == _ROOT:
        assert place == 0
    elif previous:
        assert frame["previous_item_id"] == previous
    else:
        assert place == len(ledger.order) - 1


def _check_truncated(event: Frame, frame: Frame, ledger: Ledger) -> None:
    item = ledger.output_item(event["item_id"])
    assert item is not None
    if ledger.playback is not None:
        assert frame["audio_end_ms"] <= event["audio_end_ms"]
        return
    wanted_ms = min(event["audio_end_ms"], item.audio_ms)
    before_ms = ledger.conversation.heard_ms(event["item_id"])
    if before_ms is not None:
        wanted_ms = min(wanted_ms, before_ms)
    assert abs(frame["audio_end_ms"] - wanted_ms) <= _CLOCK_TOLERANCE_MS


def _check_response(params: Frame, response: Frame) -> None:
    out_of_band = params.get("conversation") == "none"
    assert (response["conversation_id"] is None) == out_of_band
    assert response["metadata"] == (params.get("metadata") or None)
    for key in ("output_modalities", "max_output_tokens"):
        assert params.get(key) in (None, response[key])
