import pytest
from msgspec import UNSET
from openai.types.realtime import ClientSecretCreateResponse

from antiphon.errors import RequestError
from antiphon.wire.codec import decode_as, encode
from antiphon.wire.rest import (
    CallRefer,
    CallReject,
    ClientSecret,
    ClientSecretRequest,
    ExpiresAfter,
    TranslationClientSecretRequest,
)
from antiphon.wire.session import TranscriptionSessionUpdate

from .samples import REALTIME_SESSION, TRANSCRIPTION_SESSION


def test_a_secret_can_be_asked_for_with_nothing() -> None:
    request = decode_as(b"{}", ClientSecretRequest)
    assert request.expires_after == ExpiresAfter(anchor="created_at", seconds=600)
    assert request.session is UNSET


def test_a_secret_may_be_for_transcription() -> None:
    request = decode_as(b'{"session":{"type":"transcription"}}', ClientSecretRequest)
    assert request.session == TranscriptionSessionUpdate()


@pytest.mark.parametrize("seconds", [9, 7201])
def test_a_secret_lives_ten_seconds_to_two_hours(seconds) -> None:
    with pytest.raises(RequestError) as caught:
        decode_as(b'{"expires_after":{"seconds":%d}}' % seconds, ClientSecretRequest)
    assert caught.value.param == "expires_after.seconds"


@pytest.mark.parametrize("session", [REALTIME_SESSION, TRANSCRIPTION_SESSION])
def test_the_sdk_takes_a_secret_in_strict_mode(session) -> None:
    secret = ClientSecret(value="ek_1", expires_at=1_800_000_000, session=session)
    ClientSecretCreateResponse.model_validate_json(encode(secret), strict=True)
    assert encode(secret).startswith(b'{"value":"ek_1","expires_at":1800000000,"session":{')


def test_a_translation_secret_needs_a_model() -> None:
    with pytest.raises(RequestError) as caught:
        decode_as(b'{"session":{}}', TranslationClientSecretRequest)
    assert caught.value.param == "session.model"


def test_a_call_is_declined_unless_told_otherwise() -> None:
    assert decode_as(b"{}", CallReject).status_code == 603
    assert decode_as(b'{"status_code":486}', CallReject).status_code == 486


def test_a_referral_needs_a_target() -> None:
    assert decode_as(b'{"target_uri":"tel:+15550100"}', CallRefer).target_uri == "tel:+15550100"
    with pytest.raises(RequestError):
        decode_as(b'{"target_uri":""}', CallRefer)
