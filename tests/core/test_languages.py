"""Languages by their English names."""

import pytest

from antiphon.core.languages import language_code, language_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("de", "German"),
        ("pt-BR", "Portuguese (pt-BR)"),
        ("tlh", "the language with the code tlh"),
    ],
)
def test_a_model_is_told_the_name_or_at_least_the_code(code: str, name: str) -> None:
    assert language_name(code) == name


@pytest.mark.parametrize(
    ("told", "code"),
    [("german", "de"), ("Welsh", "cy"), ("de", "de"), ("pt_BR", "pt"), ("gibberish", None)],
)
def test_what_engines_call_a_language_is_understood(told: str, code: str | None) -> None:
    assert language_code(told) == code
