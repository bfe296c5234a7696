"""One odd field of a chunk costs no more than itself."""

from __future__ import annotations

import pytest

from antiphon.engines.http.chunks import Usage, chunk_of, json_in, text_in, usages_in
from antiphon.engines.http.failures import BadAnswerError


@pytest.mark.parametrize(
    ("sent", "tokens"),
    [
        (7, 7),
        (7.9, 7),
        ("7", 7),
        (None, 0),
        (-7, 0),
        (10**400, 2**53),
        (float("nan"), 0),
        (float("inf"), 2**53),
        ({}, 0),
        ("many", 0),
    ],
)
def test_tokens_are_counted_whatever_is_sent_for_a_number(sent, tokens):
    usage = {
        "prompt_tokens": sent,
        "completion_tokens": sent,
        "prompt_tokens_details": {"cached_tokens": sent},
    }
    assert list(usages_in(chunk_of({"usage": usage}))) == [Usage(tokens, tokens, tokens)]


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [], "usage": {"prompt_tokens": 30}},
        {"choices": [{"delta": {}, "usage": {"prompt_tokens": 30}}]},
        {"choices": [], "x_groq": {"id": "req_1", "usage": {"prompt_tokens": 30}}},
        {"usage": {"prompt_tokens": 30, "prompt_tokens_details": None}},
        {"usage": {"prompt_tokens": 30, "prompt_tokens_details": [3]}},
    ],
    ids=["openai", "moonshot", "groq", "no details", "odd details"],
)
def test_usage_is_found_wherever_it_is_told(chunk):
    assert list(usages_in(chunk_of(chunk))) == [Usage(30, 0, 0)]


@pytest.mark.parametrize("usage", [None, [], "none", 0])
def test_usage_that_is_none_is_no_trouble(usage):
    assert list(usages_in(chunk_of({"usage": usage, "x_groq": usage}))) == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hello.", "Hello."),
        (None, ""),
        (5, "5"),
        ([{"type": "text", "text": "Hel"}, "lo", {"type": "text", "text": "."}], "Hello."),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}], ""),
        ([{"type": "text"}, 5, None], ""),
        ({}, ""),
    ],
)
def test_text_is_a_string_or_parts(content, text):
    assert text_in(content) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [('{"a": 1}', '{"a": 1}'), ({"a": "é"}, '{"a": "é"}'), (None, ""), ("", "")],
)
def test_arguments_are_json_or_what_it_says(arguments, text):
    assert json_in(arguments) == text


@pytest.mark.parametrize("value", [3, [], "chunk", {"choices": 3}, {"choices": [{"delta": []}]}])
def test_what_is_no_chunk_is_refused(value):
    with pytest.raises(BadAnswerError, match="no chunk of a completion"):
        chunk_of(value)
