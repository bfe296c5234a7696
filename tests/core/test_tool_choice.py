import pytest

from tests.core.mcp.support import ERASE, READ, McpRig, server

LOOK_UP = {"type": "function", "name": "look_up", "parameters": {}}


@pytest.fixture
def rig() -> McpRig:
    rig = McpRig()
    rig.use(LOOK_UP, server("one"), server("other"))
    rig.names(READ, nth=0)
    rig.names(ERASE, nth=1)
    return rig


@pytest.mark.parametrize(
    ("choice", "offered", "policy", "forced"),
    [
        ("auto", ["look_up", "read", "erase"], "auto", None),
        ("required", ["look_up", "read", "erase"], "required", None),
        ("none", ["look_up", "read", "erase"], "none", None),
        (
            {"type": "function", "name": "look_up"},
            ["look_up", "read", "erase"],
            "required",
            "look_up",
        ),
        ({"type": "mcp", "server_label": "one"}, ["read"], "required", None),
        ({"type": "mcp", "server_label": "one", "name": None}, ["read"], "required", None),
        ({"type": "mcp", "server_label": "other", "name": "erase"}, ["erase"], "required", "erase"),
    ],
)
def test_a_choice_is_the_models_law(rig, choice, offered, policy, forced) -> None:
    rig.send("response.create", response={"tool_choice": choice})
    assert rig.offered == offered
    assert (rig.plan.tool_policy, rig.plan.forced_tool) == (policy, forced)


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ({"type": "function", "name": "read"}, "response.tool_choice.name"),
        ({"type": "mcp", "server_label": "third"}, "response.tool_choice.server_label"),
        ({"type": "mcp", "server_label": "one", "name": "erase"}, "response.tool_choice"),
    ],
)
def test_a_choice_of_what_there_is_not_is_refused(rig, choice, param) -> None:
    before = rig.state()
    (error,) = rig.send("response.create", response={"tool_choice": choice})
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", param)
    assert rig.state() == before


def test_a_sessions_choice_waits_for_the_tools() -> None:
    rig = McpRig()
    rig.use(server(), tool_choice={"type": "mcp", "server_label": "files"})
    rig.send("response.create")
    assert (rig.offered, rig.plan.tool_policy) == ([], "auto")
    rig.answer("Not yet.")
    rig.names(READ)
    rig.send("response.create")
    assert (rig.offered, rig.plan.tool_policy) == (["read"], "required")


def test_a_session_cannot_choose_a_server_that_it_has_not() -> None:
    choice = {"type": "mcp", "server_label": "nobody"}
    (error,) = McpRig().use(server(), tool_choice=choice)
    assert error["error"]["param"] == "session.tool_choice.server_label"


def test_out_of_band_there_are_only_functions(rig) -> None:
    rig.send("response.create", response={"conversation": "none"})
    assert rig.offered == ["look_up"]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"tools": [server()]}, "response.tools"),
        ({"tool_choice": {"type": "mcp", "server_label": "one"}}, "response.tool_choice"),
    ],
)
def test_mcp_tools_cannot_be_asked_for_out_of_band(rig, params, param) -> None:
    (error,) = rig.send("response.create", response={"conversation": "none", **params})
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", param)
