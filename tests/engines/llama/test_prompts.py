"""What llama.cpp is asked."""

from __future__ import annotations

import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines.llama import prompts as making
from antiphon.engines.llama.options import LlamaOptions
from antiphon.engines.llama.prompts import Prompts
from antiphon.engines.thinking import GenerationRequest
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

HELLO = ChatMessage("user", "Hello!")
LOOK = FunctionTool(name="look")
NO_SCHEMA = FunctionTool(name="odd", parameters={"properties": None})


def prompts(**options) -> Prompts:
    return Prompts("mind", LlamaOptions(**options), None, {})


@pytest.mark.parametrize("forced", [None, "look"])
def test_a_function_whose_parameters_are_no_schema_is_refused_even_if_it_may_not_be_called(forced):
    request = GenerationRequest(messages=(HELLO,), tools=(LOOK, NO_SCHEMA), forced_tool=forced)
    for ask in (prompts(tools=True).answer_to, prompts(tools=True).open_at_last_word):
        with pytest.raises(EngineError, match="'odd' cannot be used: 'properties'") as caught:
            ask(request)
        assert caught.value.code == "invalid_function_parameters"


@pytest.mark.parametrize("method", ["answer_to", "open_at_last_word"])
def test_a_mistake_in_making_a_prompt_fails_the_request_and_is_no_crash(
    method, monkeypatch, caplog
):
    def fail(*_args: object, **_options: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(making, "tool_rules", fail)
    with pytest.raises(EngineError, match=r"no prompt can be made of it.*too deep") as caught:
        getattr(prompts(), method)(GenerationRequest(messages=(HELLO,)))
    assert (caught.value.stage, caught.value.code) == ("generate", "server_error")
    assert caplog.records[0].exc_info
