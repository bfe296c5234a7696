"""Why an MCP server has not done what it was asked for."""

from __future__ import annotations

from antiphon.wire.items import McpError

__all__ = ["McpFailure"]


class McpFailure(Exception):  # noqa: N818 (the wire calls it an error; this carries it)
    """An MCP server has not done what it was asked for.

    Attributes:
        error: Why, as clients may read it.
    """

    def __init__(self, error: McpError) -> None:
        super().__init__(error.message)
        self.error = error
