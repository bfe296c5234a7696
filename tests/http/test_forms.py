from __future__ import annotations

import io

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from antiphon.errors import RequestError
from antiphon.http import forms
from antiphon.http.forms import Form, read_form
from antiphon.wire.transcriptions import TranscriptionForm, VadChunking

FILE = (
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\nabc\r\n"
)
PROMPT = b'--edge\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nOslo\r\n'


def request(body: bytes, content_type: str = "multipart/form-data; boundary=edge") -> Request:
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def fields(*pairs: tuple[str, str]) -> TranscriptionForm:
    return Form(list(pairs), io.BytesIO()).read_as(TranscriptionForm)


async def test_a_form_is_its_fields_and_its_file():
    async with read_form(request(FILE + PROMPT + b"--edge--\r\n")) as form:
        assert form.fields == [("prompt", "Oslo")]
        assert form.file.read() == b"abc"
    assert form.file.closed


@pytest.mark.parametrize("body", [PROMPT + b"--edge--\r\n", b"--edge--\r\n"])
async def test_a_form_without_a_file_is_refused(body):
    with pytest.raises(RequestError, match="'file'") as refusal:
        async with read_form(request(body)):
            pass
    assert refusal.value.code == "missing_required_parameter"
    assert refusal.value.param == "file"


async def test_other_bodies_are_refused():
    with pytest.raises(HTTPException) as refusal:
        async with read_form(request(b"{}", "application/json")):
            pass
    assert refusal.value.status_code == 415


async def test_a_body_may_be_only_so_large(monkeypatch):
    monkeypatch.setattr(forms, "MAX_UPLOAD_BYTES", 50)
    with pytest.raises(HTTPException, match="50") as refusal:
        async with read_form(request(FILE + b"--edge--\r\n")):
            pass
    assert refusal.value.status_code == 413


def test_text_becomes_what_the_fields_are():
    form = fields(("stream", "true"), ("temperature", "0.5"), ("prompt", "2"), ("language", ""))
    assert (form.stream, form.temperature, form.prompt, form.language) == (True, 0.5, "2", None)


@pytest.mark.parametrize("name", ["keywords[]", "keywords"])
def test_lists_are_fields_that_are_there_several_times(name):
    assert fields((name, "Oslo"), (name, "Bergen")).keywords == ("Oslo", "Bergen")
    assert fields((name, "Oslo")).keywords == ("Oslo",)


@pytest.mark.parametrize(
    "pairs",
    [
        [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.7")],
        [("chunking_strategy", '{"type": "server_vad", "threshold": 0.7}')],
    ],
)
def test_objects_are_fields_in_brackets_or_json(pairs):
    assert fields(*pairs).chunking_strategy == VadChunking(threshold=0.7)


def test_unknown_fields_are_ignored():
    assert fields(("mood", "good"), ("mood[x]", "1")) == TranscriptionForm()


@pytest.mark.parametrize(
    ("pairs", "param", "says"),
    [
        ([("temperature", "2")], "temperature", "<= 1"),
        ([("temperature", "warm")], "temperature", "decimal"),
        ([("stream", "maybe")], "stream", "boolean"),
        ([("response_format", "doc")], "response_format", "'srt'"),
        ([("include[]", "logprobs"), ("include[]", "x")], "include[1]", "'logprobs'"),
        ([("chunking_strategy", "never")], "chunking_strategy", "'auto'"),
        (
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "3")],
            "chunking_strategy.threshold",
            "<= 1",
        ),
        ([("chunking_strategy", "x"), ("chunking_strategy[type]", "y")], "chunking_strategy", "x"),
    ],
)
def test_what_does_not_fit_is_named(pairs, param, says):
    with pytest.raises(RequestError) as refusal:
        fields(*pairs)
    assert refusal.value.param == param
    assert says in refusal.value.message
