import json

import pytest

from antiphon.core.mcp.calls import MAX_ARGUMENTS_CHARS, MAX_CALLS, MAX_OUTPUT_CHARS
from antiphon.core.signals import GenerationFinished, McpCallFinished, TextGenerated
from antiphon.wire.items import McpHttpError
from tests.core.mcp.support import ERASE, READ, McpRig
from tests.core.support import Frame, called, types


def free() -> McpRig:
    """A session whose calls need no approval."""
    rig = McpRig()
    rig.offer(READ, ERASE, require_approval="never")
    return rig


def careful() -> McpRig:
    """A session whose calls need approval."""
    rig = McpRig()
    rig.offer(READ, ERASE)
    return rig


def final(frames: list[Frame]) -> Frame:
    """Return the item with which a call ends."""
    (done,) = [frame for frame in frames if frame["type"] == "conversation.item.done"]
    item: Frame = done["item"]
    return item


def test_a_call_is_made_with_the_arguments_that_the_model_wrote() -> None:
    rig = free()
    rig.called("read", '{"path": "/tmp"}')
    (call,) = rig.calls
    assert (call.server.label, call.name, call.arguments) == ("files", "read", {"path": "/tmp"})


def test_its_output_comes_after_the_response_and_leads_to_no_other() -> None:
    rig = free()
    frames = rig.called("read")
    assert types(frames)[-2:] == ["response.done", "response.mcp_call.in_progress"]
    assert frames[-2]["response"]["status"] == "completed"
    frames = rig.returns("a, b")
    assert types(frames) == ["response.mcp_call.completed", "conversation.item.done"]
    assert final(frames)["output"] == "a, b"


def test_the_next_response_reads_the_call_with_its_output() -> None:
    rig = free()
    rig.called("read")
    rig.returns("a, b")
    rig.send("response.create")
    asked, told = rig.plan.messages
    assert asked.tool_calls[0].name == "read"
    assert (told.role, told.text) == ("tool", "a, b")
    assert told.tool_call_id == asked.tool_calls[0].call_id


@pytest.mark.parametrize("error", [McpHttpError(code=503, message="Too busy.")])
def test_an_error_is_told_to_the_client_and_to_the_model(error) -> None:
    rig = free()
    rig.called("read")
    frames = rig.returns(error)
    assert types(frames) == ["response.mcp_call.failed", "conversation.item.done"]
    assert final(frames)["error"] == {"type": "http_error", "code": 503, "message": "Too busy."}
    rig.send("response.create")
    assert rig.plan.messages[-1].text == "Error: Too busy."


def test_a_call_that_runs_is_not_hidden_from_the_model() -> None:
    rig = free()
    rig.called("read")
    rig.send("response.create")
    assert rig.plan.messages[-1].text == "(There is no result yet.)"


def test_the_first_of_two_calls_is_made_while_the_second_is_written() -> None:
    rig = free()
    rig.send("response.create")
    one = rig.plan.response_id
    rig.feed(*called(one, "read", "{}", ending=None))
    assert rig.calls == []
    rig.feed(*called(one, "erase", "{", index=1, ending=None))
    assert [call.name for call in rig.calls] == ["read"]


@pytest.mark.parametrize("ending", ["cancel", "length"])
def test_a_call_that_is_cut_short_is_never_made(ending) -> None:
    rig = free()
    rig.send("response.create")
    rig.feed(*called(rig.plan.response_id, "read", "{}", ending=None))
    frames = (
        rig.send("response.cancel")
        if ending == "cancel"
        else rig.feed(GenerationFinished(rig.plan.response_id, "length", 1))
    )
    assert frames[-1]["type"] == "response.done"
    assert "was not made" in final(frames)["error"]["message"]
    assert rig.calls == []


def test_a_call_that_was_whole_goes_on_when_its_response_is_cancelled() -> None:
    rig = free()
    rig.send("response.create")
    rig.feed(*called(rig.plan.response_id, "read", "{}", ending=None))
    rig.feed(*called(rig.plan.response_id, "erase", "{", index=1, ending=None))
    rig.send("response.cancel")
    assert final(rig.returns("a"))["output"] == "a"


def test_a_call_waits_for_the_speech_before_it() -> None:
    rig = free()
    rig.send("response.create")
    one = rig.plan.response_id
    rig.feed(TextGenerated(one, "One moment.", 2), *called(one, "read", "{}"))
    assert [call.name for call in rig.calls] == ["read"]


@pytest.mark.parametrize("arguments", ["[1]", "{", "null", '"x"'])
def test_arguments_that_no_tool_can_take_are_an_error(arguments) -> None:
    rig = careful()
    frames = rig.called("read", arguments)
    assert types(frames)[-2:] == ["response.mcp_call.failed", "conversation.item.done"]
    assert frames[-1]["item"]["error"]["code"] == -32602
    assert rig.calls == []


def test_no_arguments_are_none() -> None:
    rig = free()
    rig.called("read", "")
    assert rig.calls[0].arguments == {}


def test_there_are_limits_to_arguments_and_output() -> None:
    rig = free()
    long = rig.called("read", json.dumps({"path": "a" * MAX_ARGUMENTS_CHARS}))
    assert f"at most {MAX_ARGUMENTS_CHARS}" in long[-1]["item"]["error"]["message"]
    rig.called("read")
    error = final(rig.returns("a" * (MAX_OUTPUT_CHARS + 1)))["error"]
    assert (error["type"], f"at most {MAX_OUTPUT_CHARS}" in error["message"]) == (
        "tool_execution_error",
        True,
    )


def test_there_is_a_limit_to_calls_at_once() -> None:
    rig = free()
    for _ in range(MAX_CALLS):
        rig.called("read")
    refused = rig.called("read")[-1]["item"]
    assert refused["error"]["message"].startswith(f"{MAX_CALLS} calls are under way")
    assert len(rig.calls) == MAX_CALLS


def test_a_result_that_nobody_waits_for_is_dropped() -> None:
    rig = free()
    rig.called("read")
    rig.returns("a")
    assert rig.returns("b") == []
    assert rig.feed(McpCallFinished("item_none", "c")) == []
    assert rig.session.dropped_signals == 2


def test_a_deleted_call_ends_without_its_item() -> None:
    rig = free()
    rig.called("read")
    rig.send("conversation.item.delete", item_id=rig.calls[0].item_id)
    assert types(rig.returns("a")) == ["response.mcp_call.completed"]


# --- approval -------------------------------------------------------------------------------------


def asked(rig: McpRig, name: str = "erase") -> Frame:
    """Return the request for approval that a call leads to."""
    item: Frame = rig.called(name)[-1]["item"]
    assert item["type"] == "mcp_approval_request"
    assert rig.calls == []
    return item


def test_an_approved_call_is_made_as_it_was_asked_for() -> None:
    rig = careful()
    request = asked(rig)
    frames = rig.approve(request["id"])
    assert types(frames) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.mcp_call.in_progress",
    ]
    assert frames[0]["previous_item_id"] == request["id"]
    assert rig.calls[0].arguments == json.loads(request["arguments"])
    item = final(rig.returns("gone"))
    assert item["approval_request_id"] == request["id"]
    assert (item["arguments"], item["output"]) == (request["arguments"], "gone")


def test_a_denied_call_is_not_made_and_the_model_is_told() -> None:
    rig = careful()
    frames = rig.approve(asked(rig)["id"], approve=False, reason="too risky")
    assert types(frames)[2:] == ["response.mcp_call.failed", "conversation.item.done"]
    assert rig.calls == []
    rig.send("response.create")
    assert rig.plan.messages[-1].text.endswith("so it was not made: too risky")


def test_a_request_is_answered_once() -> None:
    rig = careful()
    request = asked(rig)
    rig.approve(request["id"], approve=False)
    before = rig.state()
    (error,) = rig.approve(request["id"])
    assert error["error"]["code"] == "invalid_approval_request_id"
    assert error["error"]["param"] == "item.approval_request_id"
    assert rig.state() == before
    assert rig.calls == []


def test_a_request_that_the_client_made_itself_approves_nothing() -> None:
    rig = careful()
    asked(rig)
    own = {
        "type": "mcp_approval_request",
        "id": "mine",
        "server_label": "files",
        "name": "erase",
        "arguments": "{}",
    }
    rig.send("conversation.item.create", item=own)
    assert rig.approve("mine")[0]["type"] == "error"
    assert rig.calls == []


def test_an_input_approves_nothing() -> None:
    rig = careful()
    request = asked(rig)
    answer = {
        "type": "mcp_approval_response",
        "id": "a",
        "approval_request_id": request["id"],
        "approve": True,
    }
    (error,) = rig.send("response.create", response={"input": [answer]})
    assert error["error"]["param"] == "response.input[0].type"
    assert rig.calls == []


def test_an_approval_that_cannot_be_placed_approves_nothing() -> None:
    rig = careful()
    request = asked(rig)
    item = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}
    (error,) = rig.send("conversation.item.create", item=item, previous_item_id="nowhere")
    assert error["error"]["code"] == "item_create_invalid_previous_item_id"
    assert rig.calls == []
    rig.approve(request["id"])
    assert len(rig.calls) == 1


def test_a_request_that_is_deleted_is_withdrawn() -> None:
    rig = careful()
    request = asked(rig)
    frames = rig.send("conversation.item.delete", item_id=request["id"])
    assert "was withdrawn" in final(frames)["error"]["message"]
    assert rig.approve(request["id"])[0]["type"] == "error"
    assert rig.calls == []


def test_only_what_the_rule_names_is_asked_about() -> None:
    rig = McpRig()
    rig.offer(READ, ERASE, require_approval={"never": {"read_only": True}})
    rig.called("read")
    assert [call.name for call in rig.calls] == ["read"]
    assert rig.called("erase")[-1]["item"]["type"] == "mcp_approval_request"
