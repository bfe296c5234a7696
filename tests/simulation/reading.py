"""What the language model reads has to be what the client was told of the conversation."""

from collections.abc import Iterator, Sequence

from antiphon.core.plan import ChatMessage
from antiphon.core.responses import SILENCE
from tests.support.ledger import Frame, Ledger
from tests.support.ledger.conversation import text_of

__all__ = ["check_reading"]


def check_reading(messages: Sequence[ChatMessage], response_id: str, ledger: Ledger) -> None:
    """Check the messages that a response is worked out from, as far as the client can know them.

    It cannot if the response has a context of its own, or if it has deleted some of the context
    meanwhile, or was not told what was said in it.

    Raises:
        AssertionError: They are something else.
    """
    context = ledger.responses[response_id].context
    if context is None or not ledger.conversation.deleted.isdisjoint(context):
        return
    items = [ledger.conversation.item(item_id) for item_id in context]
    if any(_is_untold(item) for item in items):
        return
    unread = list(_without_call_groups(messages))
    for item in items:
        if unread and _agrees(item, unread[0], ledger):
            del unread[0]
        else:
            assert _may_be_empty(item, ledger), f"the model does not read {item}"
    if items and text_of(items[-1]) == "" and unread == [SILENCE]:
        return  # nobody has said anything, and it is to say something nevertheless
    assert not unread, f"the model reads {unread}, which are not in the conversation"


def _is_untold(item: Frame) -> bool:
    return item["type"] == "message" and text_of(item) is None


def _without_call_groups(messages: Sequence[ChatMessage]) -> Iterator[ChatMessage]:
    """Return each call in a message of its own, as the items are."""
    for message in messages:
        if message.tool_calls:
            yield from (ChatMessage("assistant", tool_calls=(one,)) for one in message.tool_calls)
        else:
            yield message


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
                return message.text == text_of(item)
            output = ledger.output_item(item["id"])
            return ledger.conversation.may_read(item["id"], message.text, output)


def _may_be_empty(item: Frame, ledger: Ledger) -> bool:
    """Whether an item may add nothing to what is read."""
    if item["type"] != "message":
        return False
    return not text_of(item) or ledger.conversation.heard_ms(item["id"]) is not None
