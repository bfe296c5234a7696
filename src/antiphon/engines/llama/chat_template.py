"""Chat templates: how a list of messages becomes the text that a model was trained on.

A model's file carries its template, a Jinja program. llama.cpp runs it with an interpreter of its
own; here it is run by Jinja itself, set up as the Transformers library does for which templates
are written, so that prompts can be measured without asking llama.cpp for them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from antiphon.engines.reasoning import END_OF_REASONING
from antiphon.engines.tools.syntax import IN_WORDS, learned_syntax
from antiphon.engines.tools.words import in_words

__all__ = ["ChatTemplate"]


class ChatTemplate:
    """A model's chat template.

    Args:
        source: The Jinja program.
        variables: What it may ask for beside messages and tools.
        control_tokens: What the model's tokens that are no text are called.

    Attributes:
        knows_tools: Whether it tells the model of tools. If not, they are told in words.
        calls: How the model writes function calls.
        end_of_thoughts: What ends the thoughts of a model that thinks before it answers; ``None``
            if the template knows nothing of thoughts.

    Raises:
        ValueError: The program cannot be compiled.
    """

    def __init__(
        self, source: str, variables: Mapping[str, Any], control_tokens: Collection[str] = ()
    ) -> None:
        import jinja2.sandbox  # noqa: PLC0415 (an optional extra)

        # The program comes with the weights: it is data from elsewhere, hence the sandbox.
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise
        self._refusals = (jinja2.TemplateError, TypeError)
        self._variables = dict(variables)
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            message = f"the chat template cannot be used: {error}"
            raise ValueError(message) from error
        syntax = learned_syntax(self._render, control_tokens)
        self.knows_tools = syntax is not None
        self.calls = syntax or IN_WORDS
        self.end_of_thoughts = END_OF_REASONING if END_OF_REASONING in source else None

    def fitted(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Return the messages and tools to give to the template in place of these."""
        return (messages, tools) if self.knows_tools else (in_words(messages, tools), ())

    def render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """Return the prompt for messages and tools, up to where the model's answer begins.

        Args:
            messages: As in the Chat Completions API, arguments of calls as JSON texts.
            tools: Its ``tools``.

        Raises:
            ValueError: The template refuses such messages.
        """
        return self._render(*self.fitted(messages, tools))

    def _render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> str:
        try:
            return self._template.render(
                **self._variables,
                messages=[_parsed(message) for message in messages],
                tools=list(tools) or None,
                add_generation_prompt=True,
            )
        except self._refusals as error:
            message = f"the chat template refuses the messages: {error}"
            raise ValueError(message) from error


def _parsed(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with the arguments of its calls as objects: templates write them as JSON."""
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(arguments)}}
        for call in message.get("tool_calls", ())
        for arguments in (call["function"]["arguments"],)
    ]
    return {**message, "tool_calls": calls} if calls else dict(message)


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(reason: str) -> None:
    """What templates call when messages are in an order that the model was not trained on."""
    import jinja2  # noqa: PLC0415 (an optional extra)

    raise jinja2.TemplateError(reason)
