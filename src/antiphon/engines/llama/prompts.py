"""What llama.cpp is asked: a request as its messages, tools, grammar and sampling."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from antiphon.core.plan import ChatMessage
from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.llama.message_ends import open_prompt
from antiphon.engines.llama.options import LlamaOptions
from antiphon.engines.thinking import GenerationRequest
from antiphon.engines.tools.calls import ToolRules, described, tool_rules
from antiphon.engines.tools.grammar import Thoughts, answer_grammar
from antiphon.engines.tools.messages import chat_completions_message
from antiphon.engines.tools.schemas import check_shape, constraint_on
from antiphon.engines.tools.syntax import IN_WORDS, CallSyntax, visible
from antiphon.engines.tools.words import in_words
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

__all__ = ["Prompt", "Prompts", "template_variables"]

_log = logging.getLogger(__name__)

_CHARS_A_TOKEN = 3
"""At least, on average, in thoughts."""


class Prompt(Struct, frozen=True):
    """A request as llama.cpp takes it.

    Attributes:
        payload: The body of a request for a chat completion, without a slot.
        rules: What the model may call.
        calls: How calls look in its text; ``None`` if all is text.
        loosely_held: Functions by name whose schemas say more than the grammar does, so that their
            arguments have to be checked.
        end_of_thoughts: What ends the thoughts that its text begins with, if it does.
    """

    payload: dict[str, Any]
    rules: ToolRules
    calls: CallSyntax | None
    loosely_held: Mapping[str, FunctionTool]
    end_of_thoughts: str | None


@contextmanager
def _failing_alone() -> Iterator[None]:
    """Have a mistake fail the request that it shows in.

    Any other exception would be taken for a crash, and the engine be loaded anew for everybody.

    Raises:
        EngineError: In place of any other exception.
    """
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        _log.exception("a request failed, since no prompt could be made of it")
        message = f"the request failed, since no prompt can be made of it: {error!r}"
        raise EngineError(message, stage="generate") from error


class Prompts:
    """Makes prompts for one model.

    Args:
        name: Of the model, for messages.
        options: The operator's.
        template: Its chat template; ``None`` if llama.cpp alone can make something of it. Tools are
            then told in words.
        control_tokens: Numbers of its tokens that are no text, by what they are called.
    """

    def __init__(
        self,
        name: str,
        options: LlamaOptions,
        template: ChatTemplate | None,
        control_tokens: Mapping[str, int],
    ) -> None:
        self._name = name
        self._options = options
        self._template = template
        self._calls = template.calls if template else IN_WORDS
        self._control_tokens = {
            token: number
            for token, number in control_tokens.items()
            if any(token in (part or "") for part in astuple(self._calls))
        }

    @_failing_alone()
    def answer_to(self, request: GenerationRequest) -> Prompt:
        """Return what to ask for an answer.

        Raises:
            EngineError: Code ``image_not_supported`` if a message shows an image,
                ``invalid_function_parameters`` if arguments cannot be held to a function's schema.
        """
        options = self._options
        rules = self._rules(request)
        messages = _chat_messages(request)
        if options.after_tool_output and messages and messages[-1]["role"] == "tool":
            messages.append({"role": "system", "content": options.after_tool_output})
        variables = template_variables(options)
        longest = options.longest_answer_tokens
        payload: dict[str, Any] = {
            "stream": True,
            "cache_prompt": True,
            "timings_per_token": True,  # the only place that counts tokens as they come
            "return_progress": True,  # calls back between batches of the prompt, to be cancelled
            "temperature": options.temperature,
            "top_p": options.top_p,
            # A call repeats the names that its schema gives; it must not be punished for that.
            "repeat_penalty": 1.0 if rules.must_call else options.repeat_penalty,
            "chat_template_kwargs": variables,
        }
        thoughts = self._thoughts(request)
        if thoughts:
            variables |= {"enable_thinking": True, "reasoning_effort": request.reasoning_effort}
            longest += thoughts.most_chars // _CHARS_A_TOKEN
            payload["reasoning_format"] = "none"  # as they are: not all templates are understood
        fitted, tools = self._fitted(messages, rules)
        payload["messages"] = [*fitted]
        if tools:
            # Told to the template only: llama.cpp refuses `tools` beside a grammar of one's own.
            variables["tools"] = tools
        if rules.offered or thoughts:
            payload["grammar"] = answer_grammar(
                rules, self._calls, self._control_tokens, thoughts=thoughts
            )
        payload["max_tokens"] = request.max_output_tokens or longest
        if options.seed is not None:
            payload["seed"] = options.seed
        return Prompt(
            payload,
            rules,
            visible(self._calls, self._control_tokens) if rules.allowed else None,
            {tool.name: tool for tool in rules.allowed if not constraint_on(tool).complete},
            thoughts.end if thoughts else None,
        )

    @_failing_alone()
    def open_at_last_word(self, request: GenerationRequest) -> str:
        """Return the prompt up to the last word of the request's last message.

        Raises:
            EngineError: Code ``not_supported`` if the model's chat template cannot be used.
        """
        offered = [described(tool) for tool in self._rules(request).offered]
        try:
            if self._template is None:
                message = "its chat template is of a kind that is not known"
                raise ValueError(message)
            return open_prompt(self._template, _chat_messages(request), offered)
        except ValueError as error:
            message = f"{self._name} cannot say whether a message is over: {error}"
            raise EngineError(message, stage="generate", code="not_supported") from error

    def _thoughts(self, request: GenerationRequest) -> Thoughts | None:
        """What the model is to think before it answers."""
        end = self._template.end_of_thoughts if self._template else None
        most_chars = self._options.thinking_chars.get(request.reasoning_effort or "", 0)
        return Thoughts(end, most_chars) if end and most_chars else None

    def _rules(self, request: GenerationRequest) -> ToolRules:
        options = self._options
        rules = tool_rules(request, trained=options.tools, repeat_calls=options.repeat_calls)
        for tool in rules.offered:  # those that the model may not call now are told as well
            check_shape(tool)
        return rules

    def _fitted(
        self, messages: list[dict[str, Any]], rules: ToolRules
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Messages and tools as the template takes them."""
        tools = [described(tool) for tool in rules.offered]
        if self._template is None:
            return in_words(messages, tools), ()
        return self._template.fitted(messages, tools)


def template_variables(options: LlamaOptions) -> dict[str, Any]:
    """Return the variables that the chat template is given while nobody asks for thoughts."""
    return {"enable_thinking": False, **options.template_options}


def _chat_messages(request: GenerationRequest) -> list[dict[str, Any]]:
    return [_chat_message(message) for message in request.messages]


def _chat_message(message: ChatMessage) -> dict[str, Any]:
    if message.images:
        error = "this language model cannot see images; send text, or choose a model that can"
        raise EngineError(error, stage="generate", code="image_not_supported")
    return chat_completions_message(message)
