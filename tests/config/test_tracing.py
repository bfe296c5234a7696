import msgspec
import pytest

from antiphon.config import TracingChoice
from antiphon.wire.refusal import explain


def test_nothing_is_said_by_default():
    assert msgspec.convert({}, TracingChoice) == TracingChoice()
    assert TracingChoice().endpoint is None
    assert (TracingChoice().sessions, TracingChoice().content) == ("asked", False)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"endpoint": "collector:4318"}, "'collector:4318' is not an address of HTTP"),
        ({"sessions": "some"}, "'some'"),
        ({"content": "yes"}, "content"),
        ({"sampling": 0.1}, "sampling"),
    ],
)
def test_mistakes_are_explained(said, message):
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.convert(said, TracingChoice)
    assert message in explain(TracingChoice, said, refusal.value).message
