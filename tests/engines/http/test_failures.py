"""Clients are told what failed, operators why, and neither is told what is not theirs to know."""

from __future__ import annotations

import email.utils
import time

import httpx2
import openai
import pytest

from antiphon.engines.http.failures import BadAnswerError, failure_of, timed_out

REQUEST = httpx2.Request("POST", "http://10.1.2.3:11434/v1/chat/completions")


def refusal(status: int, code: str | None = None, retry_after: str | None = None):
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    response = httpx2.Response(status, request=REQUEST, headers=headers)
    message = "sk-key at 10.1.2.3 is wrong"
    return openai.APIStatusError(message, response=response, body={"code": code})


@pytest.mark.parametrize(
    ("code", "failure_code", "retryable", "may_repeat", "counts"),
    [
        (400, "server_error", False, False, False),
        (401, "server_error", True, False, False),
        (403, "server_error", True, False, False),
        (404, "server_error", True, False, False),
        (408, "server_error", True, True, False),
        (422, "server_error", False, False, False),
        (429, "server_overloaded", True, True, False),
        (500, "server_error", True, True, False),
        (502, "server_error", True, True, True),
        (503, "server_overloaded", True, True, True),
        (504, "server_error", True, True, True),
        (529, "server_overloaded", True, True, True),
    ],
)
def test_what_a_status_means(code, failure_code, retryable, may_repeat, counts):
    failure = failure_of(refusal(code), "generate").failure
    assert (failure.code, failure.retryable) == (failure_code, retryable)
    assert (failure.may_repeat, failure.counts) == (may_repeat, counts)


def test_a_used_up_budget_is_no_overload():
    failure = failure_of(refusal(429, code="insufficient_quota"), "generate").failure
    assert (failure.code, failure.may_repeat) == ("server_error", False)


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
def test_addresses_keys_and_the_servers_words_are_not_for_clients(code):
    message = failure_of(refusal(code), "transcribe").failure.message
    assert "10.1.2.3" not in message
    assert "sk-key" not in message
    assert "transcriber" in message


@pytest.mark.parametrize(
    ("code", "advice"),
    [(401, "set the option api_key"), (404, "check base_url"), (500, "answers 500: (27 char")],
)
def test_operators_are_told_what_to_do(code, advice):
    assert advice in failure_of(refusal(code), "generate").remark


@pytest.mark.parametrize(
    "error",
    [
        refusal(400),
        refusal(400, code="context_length_exceeded"),
        openai.APIError("sk-key at 10.1.2.3 is wrong", REQUEST, body=None),
        ValueError("sk-key at 10.1.2.3 is wrong"),
    ],
)
def test_what_a_server_says_is_not_for_the_log_since_it_may_quote_what_was_said(error):
    assert "is wrong" not in failure_of(error, "generate").remark


def test_a_server_that_cannot_be_reached():
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("Connection refused")
    diagnosis = failure_of(error, "synthesize")
    assert diagnosis.failure.counts
    assert diagnosis.failure.may_repeat
    assert "Connection refused" in diagnosis.remark


def test_silence():
    failure = timed_out("generate", 7.5).failure
    assert "sent nothing for 7.5 s" in failure.message
    assert (failure.retryable, failure.may_repeat, failure.counts) == (True, False, True)


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("-1", 0),
        ("soon", None),
        (None, None),
        ("Fri, 31 Dec 999999999 23:59:59 GMT", None),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(header, wait_s):
    failure = failure_of(refusal(503, retry_after=header), "generate").failure
    assert failure.retry_after_s == wait_s


def test_or_until_when():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    failure = failure_of(refusal(503, retry_after=date), "generate").failure
    assert failure.retry_after_s == pytest.approx(100, abs=5)


@pytest.mark.parametrize(
    ("told", "code", "counts"),
    [
        ({"code": 429}, "server_overloaded", False),
        ({"code": "429"}, "server_overloaded", False),
        ({"code": "rate_limit_exceeded"}, "server_overloaded", False),
        ({"type": "overloaded_error"}, "server_overloaded", False),
        ({"code": 503}, "server_overloaded", True),
        ({"code": 502}, "server_error", True),
        ({"code": 500}, "server_error", False),
        ({"code": "out_of_memory"}, "server_error", False),
        ({}, "server_error", False),
        ({"code": "context_length_exceeded"}, "context_length_exceeded", False),
    ],
)
def test_a_failure_in_a_stream_is_what_its_code_says(told, code, counts):
    failure = failure_of(openai.APIError("no", REQUEST, body=told), "generate").failure
    assert (failure.code, failure.counts) == (code, counts)


def test_what_is_wrong_with_an_answer_is_told_to_operators_in_full():
    error = BadAnswerError("answers text/html: is base_url right?")
    failure, remark = failure_of(error, "generate")
    assert remark == "answers text/html: is base_url right?"
    assert failure.message == "the language model's server sent something that is not an answer"
    assert (failure.retryable, failure.may_repeat, failure.counts) == (True, False, True)
