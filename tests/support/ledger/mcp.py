"""What a client knows of MCP servers: who is listed, which calls go on, which were approved."""

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
    """One call of an MCP tool, from ``response.output_item.added`` on."""

    def __init__(self) -> None:
        self.stage = _Stage.OPEN
        self.request_id: str | None = None
        self.failed = False


class McpAccount:
    """The MCP side of a session.

    Attributes:
        unanswered: Ids of the requests for approval that wait for an answer, with their calls.
    """

    def __init__(self) -> None:
        self.unanswered: dict[str, str] = {}
        self._approved: set[str] = set()  # calls
        self._listing: set[str] = set()
        self._calls: dict[str, _Call] = {}

    # --- listing ----------------------------------------------------------------------------------

    def is_listing(self, item_id: str) -> bool:
        return item_id in self._listing

    def read_listing(self, frame: Frame) -> None:
        """Take an ``mcp_list_tools.*`` event."""
        item_id = frame["item_id"]
        if frame["type"] == f"{_LISTING}in_progress":
            assert item_id not in self._listing
            self._listing.add(item_id)
        else:
            self._listing.remove(item_id)

    # --- calls ------------------------------------------------------------------------------------

    def open(self, item: Frame) -> None:
        """Take the announcement of a call."""
        assert item["output"] is item["error"] is item["approval_request_id"] is None
        self._calls[item["id"]] = _Call()

    def ask(self, request: Frame, whole: dict[str, Frame]) -> None:
        """Take a request for approval; ``whole`` are the calls whose arguments are known."""
        wanted = {key: request[key] for key in ("server_label", "name", "arguments")}
        call_id = next(
            one
            for one, item in whole.items()
            if self._calls[one].stage is _Stage.OPEN
            and self._calls[one].request_id is None
            and {key: item[key] for key in wanted} == wanted
        )
        self._calls[call_id].request_id = request["id"]
        self.unanswered[request["id"]] = call_id

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
                assert call.request_id is None or frame["item_id"] in self._approved
                call.stage = _Stage.RUNNING
            case "completed":
                assert call.stage is _Stage.RUNNING
                call.stage = _Stage.ENDED
            case "failed":
                assert call.stage in {_Stage.OPEN, _Stage.RUNNING}
                call.stage, call.failed = _Stage.ENDED, True

    def finish(self, item: Frame) -> None:
        """Take the final form of a call; there is one."""
        call = self._calls[item["id"]]
        assert call.stage is not _Stage.DONE
        assert (item["error"] is None) != (item["output"] is None)
        assert item["approval_request_id"] == call.request_id
        if call.stage is _Stage.OPEN:
            assert item["error"] is not None, "a call that was cut short says so"
        else:
            assert call.stage is _Stage.ENDED
            assert call.failed == (item["error"] is not None)
        call.stage = _Stage.DONE

    def is_cut_short(self, item_id: str) -> bool:
        """Say whether a call is done without having been made."""
        return self._calls[item_id].stage is _Stage.DONE
