"""What the language model reads has to be what the client was told of the conversation."""

from collections.abc import Iterator, Sequence

from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.responses import SILENCE
from antiphon.core.window import Reader
from tests.support.ledger import Frame, Ledger
from tests.support.ledger.conversation import images_in, text_of

__all__ = ["check_reading"]

_NEVER_READ = {"mcp_list_tools", "mcp_approval_request", "mcp_approval_response"}


def check_reading(plan: Plan, ledger: Ledger, reader: Reader) -> None:
    """Check what a response is worked out from, as far as the client can know it.

    It cannot if the response has a context of its own, or if it has deleted some of the context
    meanwhile, or was not told what was said in it.

    Args:
        plan: The response as it is started.
        ledger: What the client was told.
        reader: Who reads it, and how much of it.

    Raises:
        AssertionError: It is something else.
    """
    account = ledger.responses[plan.response_id]
    assert account.instructions in (None, plan.instructions)
    _check_size(plan, reader)
    context = account.context
    if context is None or not ledger.conversation.deleted.isdisjoint(context):
        return
    items = [ledger.conversation.item(item_id) for item_id in context]
    items = [item for item in items if item["type"] not in _NEVER_READ]
    if any(_is_untold(item) for item in items):
        return
    unread = list(_one_by_one(plan.messages))
    if items and _is_silent(items[-1]) and unread and unread[-1] == SILENCE:
        del unread[-1]  # nobody has said anything, and it is to say something nevertheless
    left_out = _left_out(items, unread, ledger)
    assert not unread, f"the model reads {unread}, which are not in the conversation"
    if reader.counter is None:
        assert not left_out, f"the model does not read {left_out}"
    else:
        _check_window(items, left_out, newest_id=context[-1] if context else None)


def _check_size(plan: Plan, reader: Reader) -> None:
    """Check that the whole prompt fits into the model's context, with room for an answer."""
    if reader.counter is None or reader.context_tokens is None:
        return
    tokens = reader.counter.frame_tokens(plan.instructions, plan.tools)
    tokens += sum(map(reader.counter.message_tokens, plan.messages))
    assert tokens < reader.context_tokens, "the prompt fills the context"


def _left_out(items: Sequence[Frame], unread: list[ChatMessage], ledger: Ledger) -> list[Frame]:
    """Take what the model reads of each item out of its messages; return the items without any.

    From the end, since the oldest items are those that are left out.
    """
    left_out = []
    for item in reversed(items):
        if item["type"] == "mcp_call":
            if len(unread) > 1 and _shows_call(item, unread[-2], unread[-1]):
                del unread[-2:]
            else:
                left_out.append(item)
        elif unread and _agrees(item, unread[-1], ledger):
            del unread[-1]
        elif not _may_be_empty(item, ledger):
            left_out.append(item)
    return left_out


def _check_window(items: Sequence[Frame], left_out: Sequence[Frame], newest_id: str | None) -> None:
    """Check that what is left out may be."""
    ids = {item["id"] for item in left_out}
    assert newest_id not in ids, "the model does not read what it is to answer"
    words = [item for item in items if item.get("role") == "user" and not _is_silent(item)]
    assert not words or words[-1]["id"] not in ids, "the model does not read the last words"
    calls = [(item["call_id"], item["id"] in ids) for item in items if "call_id" in item]
    assert len(set(calls)) == len({call_id for call_id, _ in calls}), "a pair was separated"


def _is_untold(item: Frame) -> bool:
    return item["type"] == "message" and text_of(item) is None


def _is_silent(item: Frame) -> bool:
    return item["type"] == "message" and text_of(item) == "" and not images_in(item)


def _one_by_one(messages: Sequence[ChatMessage]) -> Iterator[ChatMessage]:
    """Return each call in a message of its own, as the items are."""
    for message in messages:
        if message.tool_calls:
            yield from (ChatMessage("assistant", tool_calls=(one,)) for one in message.tool_calls)
        else:
            yield message


def _shows_call(item: Frame, call: ChatMessage, result: ChatMessage) -> bool:
    """Whether two messages are a call of an MCP tool, and what has come of it so far."""
    if result.tool_call_id != item["id"]:
        return False
    (made,) = call.tool_calls
    assert (made.call_id, made.name) == (item["id"], item["name"])
    if item["error"] is not None:
        return bool(result.text == f"Error: {item['error']['message']}")
    return item["output"] is None or bool(result.text == item["output"])


def _agrees(item: Frame, message: ChatMessage, ledger: Ledger) -> bool:
    match item["type"]:
        case "function_call":
            return [one.call_id for one in message.tool_calls] == [item["call_id"]]
        case "function_call_output":
            return (message.tool_call_id, message.text) == (item["call_id"], item["output"])
        case _:
            if message.role != item["role"] or message.tool_calls:
                return False
            if ledger.conversation.heard_ms(item["id"]) is None:
                is_seen = len(message.images) == images_in(item)
                return is_seen and message.text == text_of(item)
            output = ledger.output_item(item["id"])
            return ledger.conversation.may_read(item["id"], message.text, output)


def _may_be_empty(item: Frame, ledger: Ledger) -> bool:
    """Whether an item may add nothing to what is read."""
    if item["type"] != "message":
        return False
    return _is_silent(item) or ledger.conversation.heard_ms(item["id"]) is not None
