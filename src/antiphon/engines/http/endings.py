"""Why an answer ended: servers have more words for it than the API."""

from __future__ import annotations

from typing import Literal

__all__ = ["Ending", "ending_of"]

Ending = Literal["stop", "tool_calls", "length", "content_filter", "failure"]

_ENDINGS: dict[str, Ending] = {
    "stop": "stop",
    "eos": "stop",  # Together
    "eos_token": "stop",  # Text Generation Inference, like the next
    "stop_sequence": "stop",
    "end_turn": "stop",  # Anthropic's words, which gateways pass on
    "eosfound": "stop",  # LM Studio
    "stopstringfound": "stop",
    "complete": "stop",  # Cohere
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "toolcalls": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",
    "maxpredictedtokensreached": "length",
    "contextlengthreached": "length",
    "safety": "content_filter",  # Gemini, like the next five
    "image_safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "sensitive": "content_filter",  # GLM
    "refusal": "content_filter",
    "guardrail_intervened": "content_filter",  # Bedrock
}
"""Lower case. All else is a failure: ``error``, ``abort``, ``insufficient_system_resource``."""

_NOT_YET = frozenset({"", "null", "none"})
"""Some write these while they go on."""


def ending_of(finish_reason: object) -> Ending | None:
    """Return what a finish reason means; ``None`` as long as there is none."""
    if finish_reason is None:
        return None
    if not isinstance(finish_reason, str):
        return "failure"
    told = finish_reason.strip().lower()
    if told in _NOT_YET:
        return None
    if told.startswith("content_filter"):  # Gemini adds why
        return "content_filter"
    return _ENDINGS.get(told, "failure")
