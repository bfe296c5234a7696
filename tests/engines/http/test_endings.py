"""Nothing counts as finished unless its server says so, in whatever words."""

from __future__ import annotations

import pytest

from antiphon.engines.http.endings import ending_of


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("end_turn", "stop"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("tool_use", "tool_calls"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("content_filter: SAFETY", "content_filter"),
        ("SAFETY", "content_filter"),
        ("error", "failure"),
        ("abort", "failure"),
        ("insufficient_system_resource", "failure"),
        ("MALFORMED_FUNCTION_CALL", "failure"),
        ("whatever comes next", "failure"),
        (3, "failure"),
        (None, None),
        ("", None),
        ("null", None),
    ],
)
def test_what_a_finish_reason_means(told, ending):
    assert ending_of(told) == ending
