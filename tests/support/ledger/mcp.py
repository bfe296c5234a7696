"""What a client knows of MCP servers: who is listed, which calls go on, which were approved."""

from collections.abc import Iterable
from enum import Enum

from tests.support.ledger.frames import Frame

__all__ = ["McpAccount"]

_LISTING = "mcp_list_tools."


class _Stage(Enum):
    """How far a call has come."""

    OPEN = "open"
    RUNNING = "running"
    ENDED = "ended"
    DONE = "done"


class _Call:
    """One call of an MCP tool, from ``response.output_item.added`` on.

    Attributes:
        needs_approval: Whether the client wants to approve it; ``None`` if that cannot be said,
            since it has deleted what the server said of its tools.
    """

    def __init__(self, item: Frame, *, needs_approval: bool | None) -> None:
        self.label, self.name = item["server_label"], item["name"]
        self.stage = _Stage.OPEN
        self.needs_approval = needs_approval
        self.request_id: str | None = None
        self.failed = False


class McpAccount:
    """The MCP side of a session.

    Attributes:
        unanswered: Ids of the requests for approval that wait for an answer, with their calls.
        ever_listed: Labels of the servers that have named their tools at some time.
    """

    def __init__(self) -> None:
        self.unanswered: dict[str, str] = {}
        self.ever_listed: set[str] = set()
        self._approved: set[str] = set()  # calls
        self._listing: dict[str, str | None] = {}  # items, with the labels of their servers
        self._tools: dict[tuple[str, str], Frame] = {}  # by label and name
        self._calls: dict[str, _Call] = {}

    @property
    def settled(self) -> bool:
        """Whether nothing is under way but what waits for the client's approval."""
        waiting = set(self.unanswered.values())
        return not self._listing and all(
            call.stage in {_Stage.ENDED, _Stage.DONE} or item_id in waiting
            for item_id, call in self._calls.items()
        )

    # --- listing ----------------------------------------------------------------------------------

    def is_listing(self, item_id: str) -> bool:
        return item_id in self._listing

    def begin_listing(self, item: Frame) -> None:
        """Take the item that will show a server's tools."""
        assert item["tools"] == []
        self._listing[item["id"]] = item["server_label"]

    def show_tools(self, item: Frame) -> None:
        """Take the item once it shows them."""
        for tool in item["tools"]:
            self._tools[item["server_label"], tool["name"]] = tool

    def read_listing(self, frame: Frame) -> None:
        """Take an ``mcp_list_tools.*`` event."""
        item_id = frame["item_id"]
        if frame["type"] == f"{_LISTING}in_progress":
            assert item_id not in self._listing
            self._listing[item_id] = None
            return
        label = self._listing.pop(item_id)
        assert label is not None
        if frame["type"] == f"{_LISTING}completed":
            self.ever_listed.add(label)

    # --- calls ------------------------------------------------------------------------------------

    def open(self, item: Frame, tools: Iterable[Frame]) -> None:
        """Take the announcement of a call; ``tools`` are those of its response."""
        assert item["output"] is item["error"] is item["approval_request_id"] is None
        server = next(one for one in tools if one.get("server_label") == item["server_label"])
        assert item["server_label"] in self.ever_listed, "nobody knows a tool of this server"
        rule, tool = server.get("require_approval"), self._tool(item)
        if tool is not None:
            assert _allows(server.get("allowed_tools"), tool), "the tool is not on offer"
        self._calls[item["id"]] = _Call(item, needs_approval=_needs_approval(rule, tool))

    def ask(self, request: Frame, whole: dict[str, Frame]) -> Frame:
        """Take a request for approval, and return its call as it stands then.

        Args:
            request: The request.
            whole: The calls whose arguments are known.
        """
        wanted = {key: request[key] for key in ("server_label", "name", "arguments")}
        call_id = next(
            one
            for one, item in whole.items()
            if self._calls[one].stage is _Stage.OPEN
            and self._calls[one].request_id is None
            and {key: item[key] for key in wanted} == wanted
        )
        assert self._calls[call_id].needs_approval is not False, "nobody wants to be asked"
        self._calls[call_id].request_id = request["id"]
        self.unanswered[request["id"]] = call_id
        return {**whole[call_id], "approval_request_id": request["id"]}

    def answer(self, response: Frame) -> None:
        """Take the client's answer to a request."""
        call_id = self.unanswered.pop(response["approval_request_id"])
        if response["approve"]:
            self._approved.add(call_id)

    def withdraw(self, item_id: str) -> None:
        """Take the deletion of a request, or of a call that waits for approval."""
        self.unanswered = {
            request: call
            for request, call in self.unanswered.items()
            if item_id not in (request, call)
        }

    def read_call(self, frame: Frame) -> None:
        """Take a ``response.mcp_call.*`` event."""
        assert "response_id" not in frame
        call = self._calls[frame["item_id"]]
        match frame["type"].rpartition(".")[2]:
            case "in_progress":
                assert call.stage is _Stage.OPEN
                asked = call.request_id is not None or call.needs_approval
                assert not asked or frame["item_id"] in self._approved, "nobody has approved it"
                call.stage = _Stage.RUNNING
            case "completed":
                assert call.stage is _Stage.RUNNING
                call.stage = _Stage.ENDED
            case "failed":
                assert call.stage in {_Stage.OPEN, _Stage.RUNNING}
                call.stage, call.failed = _Stage.ENDED, True

    def finish(self, item: Frame, *, is_whole: bool) -> None:
        """Take the final form of a call; there is one.

        Args:
            item: The call.
            is_whole: Whether its arguments are; otherwise its response has ended too soon.
        """
        call = self._calls[item["id"]]
        assert call.stage is not _Stage.DONE
        assert (item["error"] is None) != (item["output"] is None)
        assert item["approval_request_id"] == call.request_id
        if not is_whole:
            assert call.stage is _Stage.OPEN
            assert item["error"] is not None, "a call that was cut short says so"
        else:
            assert call.stage is _Stage.ENDED
            assert call.failed == (item["error"] is not None)
        call.stage = _Stage.DONE

    def cut_short(self, item_id: str) -> None:
        """Take the end of a call that was never whole, and that the client has deleted."""
        if self._calls[item_id].stage is _Stage.OPEN:
            self._calls[item_id].stage = _Stage.DONE

    def is_cut_short(self, item_id: str) -> bool:
        """Say whether a call is done without having been made."""
        return self._calls[item_id].stage is _Stage.DONE

    def check_made(self, item_id: str, label: str, name: str) -> None:
        """Check that a server may be asked for a tool, as it is.

        Raises:
            AssertionError: The client was not told so, or has not approved it.
        """
        call = self._calls[item_id]
        assert call.stage is _Stage.RUNNING, "the client does not know of the call"
        assert (call.label, call.name) == (label, name), "that is not what was approved"

    def _tool(self, item: Frame) -> Frame | None:
        return self._tools.get((item["server_label"], item["name"]))


def _allows(allowed: Frame | list[str] | None, tool: Frame) -> bool:
    if isinstance(allowed, dict):
        return not allowed or _picks(allowed, tool)
    return allowed is None or tool["name"] in allowed


def _needs_approval(rule: Frame | str | None, tool: Frame | None) -> bool | None:
    """Whether the client wants to approve each call of a tool, by the manual's rule.

    With filters, it does unless ``never`` picks the tool and ``always`` does not.
    """
    if not isinstance(rule, dict):
        return rule != "never"
    if tool is None:
        return None
    return not _picks(rule.get("never"), tool) or _picks(rule.get("always"), tool)


def _picks(criteria: Frame | None, tool: Frame) -> bool:
    """Whether a filter picks a tool; one without criteria picks none."""
    if not criteria:
        return False
    names, read_only = criteria.get("tool_names"), criteria.get("read_only")
    only_reads = (tool.get("annotations") or {}).get("readOnlyHint", False)
    return (names is None or tool["name"] in names) and read_only in (None, only_reads)
