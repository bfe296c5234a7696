"""What llama.cpp is asked."""

from __future__ import annotations

import pytest

from antiphon.core.plan import ChatMessage
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
