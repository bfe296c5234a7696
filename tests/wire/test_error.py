import json

from antiphon.errors import RequestError
from antiphon.wire.codec import encode
from antiphon.wire.error import ErrorObject, HttpErrorBody

REFUSAL = RequestError("Too fast.", code="invalid_value", param="session.speed", event_id="e1")


def test_an_error_event_carries_every_key_in_order() -> None:
    assert encode(ErrorObject.of(REFUSAL)) == (
        b'{"type":"invalid_request_error","code":"invalid_value","message":"Too fast.",'
        b'"param":"session.speed","event_id":"e1"}'
    )


def test_an_http_body_has_no_event() -> None:
    assert json.loads(encode(HttpErrorBody.of(REFUSAL))) == {
        "error": {
            "message": "Too fast.",
            "type": "invalid_request_error",
            "param": "session.speed",
            "code": "invalid_value",
        }
    }


def test_what_an_error_does_not_have_is_null() -> None:
    shown = json.loads(encode(ErrorObject.of(RequestError("No."))))
    assert (shown["code"], shown["param"], shown["event_id"]) == (None, None, None)
