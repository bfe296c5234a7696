"""Whether a message is over, as a language model sees it: what it expects to follow the words.

The model reads the prompt up to the user's last word, as if the user had not finished writing, and
is asked for one token more. That it would be a full stop, a question mark, a line break or the end
of the message is the probability that the message ends here. The words stay in the prefix cache:
they are what the answer's prompt begins with.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.engines.llama.chat_template import ChatTemplate

__all__ = ["PROBABILITIES", "end_probability", "open_prompt"]

PROBABILITIES = 100
"""How many of the likeliest tokens are looked at; all others together are of no weight."""

_MARKER = "\N{OBJECT REPLACEMENT CHARACTER}antiphon\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands at the end of the words while the template is rendered. Nobody says it."""

_CLOSING = ".?!," + string.whitespace + "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
"""What may follow the last word; French puts spaces before its marks."""

_END = re.compile(r"\s*[.?!\n]|<\|im_end\|>|<\|eot_id\|>|<end_of_turn>|</s>|$")
"""Tokens that close a message; an empty one is a special token of the model's."""


def open_prompt(
    template: ChatTemplate,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
) -> str:
    """Return the prompt up to the last word of the last message.

    Args:
        template: The model's chat template.
        messages: As in the Chat Completions API; the last one is the user's.
        tools: Its ``tools``.

    Raises:
        ValueError: The template refuses the messages, or changes their words.
    """
    *before, last = messages
    words = str(last["content"]).rstrip(_CLOSING)
    prompt = template.render([*before, {**last, "content": words + _MARKER}], tools)
    opened, found, _ = prompt.partition(_MARKER)
    if not found:
        message = "the chat template does not show the user's words as they are"
        raise ValueError(message)
    return opened


def end_probability(completion: Mapping[str, Any]) -> float:
    """Return the probability that an end follows, 0 to 1.

    Args:
        completion: llama.cpp's answer to a request for one token with ``n_probs``.
    """
    (token,) = completion["choices"][0]["logprobs"]["content"]
    ends = [one["logprob"] for one in token["top_logprobs"] if _END.match(one["token"])]
    return min(1.0, sum(math.exp(logprob) for logprob in ends))
