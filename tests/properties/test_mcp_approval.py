"""Whatever a client and a model do: no call is made without the approval that it needs."""

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.effects import CallMcpTool
from antiphon.core.signals import McpCallFinished, ToolCallGenerated
from tests.core.mcp.support import ERASE, READ, McpRig, server
from tests.core.support import Frame
from tests.support.ledger import Ledger

RULES: dict[str, tuple[Any, set[str]]] = {
    "none": (None, {"read", "erase"}),
    "always": ("always", {"read", "erase"}),
    "never": ("never", set()),
    "only what writes": ({"never": {"read_only": True}}, {"erase"}),
    "all but one": ({"never": {"tool_names": ["erase"]}}, {"read"}),
    "an empty filter": ({"never": {}}, {"read", "erase"}),
    "one picked twice": (
        {"always": {"tool_names": ["erase"]}, "never": {"tool_names": ["erase", "read"]}},
        {"erase"},
    ),
}
"""What a client may say, and which tools then need approval."""

picks = st.integers(0, 5)
actions = st.one_of(
    st.tuples(
        st.just("call"), st.sampled_from(["read", "erase"]), st.sampled_from(["{}", "[", ""])
    ),
    st.tuples(st.just("cancel"), picks, st.none()),
    st.tuples(st.just("finish"), picks, st.none()),
    st.tuples(st.just("answer"), picks, st.booleans()),
    st.tuples(st.just("delete"), picks, st.none()),
    st.tuples(st.just("forge"), picks, st.none()),
    st.tuples(st.just("drop the server"), st.none(), st.none()),
    st.tuples(st.just("free the server"), st.none(), st.none()),
)


class Story:
    """A session in which things happen, and the account of them."""

    def __init__(self, rule: Any) -> None:
        self.rig = McpRig()
        self.ledger = Ledger()
        self.read(self.rig.frames)
        self.update(server(require_approval=rule))
        self.read(self.rig.names(READ, ERASE))

    def read(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.ledger.read(frame)

    def send(self, kind: str, **fields: Any) -> None:
        self.ledger.sends(json.dumps({"type": kind, **fields}))
        self.read(self.rig.send(kind, **fields))

    def update(self, *tools: Frame) -> None:
        self.send("session.update", session={"type": "realtime", "tools": list(tools)})

    def items(self, kind: str) -> list[Frame]:
        """Return the items of a kind that the client has ever been told of."""
        return [
            frame["item"]
            for frame in self.rig.frames
            if frame["type"] == "conversation.item.added" and frame["item"]["type"] == kind
        ]

    def do(self, action: str, what: Any, how: Any) -> None:
        match action:
            case "call":
                self.call(what, how)
            case "cancel" if self.ledger.active:
                self.send("response.cancel")
            case "finish" if self.rig.calls:
                call = self.rig.calls[what % len(self.rig.calls)]
                self.read(self.rig.feed(McpCallFinished(call.item_id, "done")))
            case "answer" if requests := self.items("mcp_approval_request"):
                self.answer(requests[what % len(requests)]["id"], approve=how)
            case "delete" if self.ledger.order:
                item_id = self.ledger.order[what % len(self.ledger.order)]
                self.send("conversation.item.delete", item_id=item_id)
            case "forge":
                self.answer(f"item_{what}", approve=True)
            case "drop the server":
                self.update()
            case "free the server":
                self.update(server(require_approval="never"))

    def call(self, name: str, arguments: str) -> None:
        """Have a response call a tool; it may be cancelled, or go on to the next call."""
        if self.ledger.active is None:
            self.send("response.create")
            self.calls = 0
        if name in self.rig.offered:
            one = self.rig.plan.response_id
            self.read(self.rig.feed(ToolCallGenerated(one, self.calls, name, arguments, 1)))
            self.calls += 1
        if self.calls % 2 == 0:
            self.read(self.rig.answer())

    def answer(self, request_id: str, *, approve: bool) -> None:
        item = {
            "type": "mcp_approval_response",
            "approval_request_id": request_id,
            "approve": approve,
        }
        self.send("conversation.item.create", item=item)


@settings(max_examples=300, deadline=None)
@given(rule=st.sampled_from(sorted(RULES)), happens=st.lists(actions, min_size=4, max_size=25))
def test_no_call_is_made_without_the_approval_that_it_needs(rule, happens) -> None:
    said, needing = RULES[rule]
    story = Story(said)
    freed_after: int | None = None
    for action in happens:
        if action[0] == "free the server" and freed_after is None:
            freed_after = len(story.rig.effects(CallMcpTool))
        story.do(*action)
    approved = Counter(
        item["approval_request_id"]
        for item in story.items("mcp_approval_response")
        if item["approve"]
    )
    assert all(times == 1 for times in approved.values())
    requested = {item["id"]: item for item in story.items("mcp_approval_request")}
    granted = Counter((requested[one]["name"], requested[one]["arguments"]) for one in approved)
    made = story.rig.effects(CallMcpTool)[:freed_after]
    assert len({call.item_id for call in made}) == len(made)
    for name in needing:
        made_with = Counter(json.dumps(call.arguments) for call in made if call.name == name)
        allowed = sum(times for (one, _), times in granted.items() if one == name)
        assert made_with.total() <= allowed
