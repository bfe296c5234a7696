"""How words are pronounced."""

# ruff: noqa: RUF001  (letters of other alphabets, and phonetic ones, look like others)
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from antiphon.engines.voices.espeak import Pronouncer, legible


@pytest.mark.parametrize(
    ("text", "language", "read"),
    [
        ("Hello, 你好 and привет!", "en", "Hello,  and !"),
        ("naïve ½ °C, 5 µm, 3ª", "en", "naïve ½ °C, 5 µm, 3ª"),
        ("the angle α", "en", "the angle α"),
        ("مرحبا", "de", ""),
        ("Привет, world", "ru", "Привет, world"),
        ("नमस्ते", "hi", "नमस्ते"),
    ],
)
def test_letters_that_nobody_can_read_are_left_out(text, language, read):
    assert legible(text, language) == read


@pytest.mark.parametrize("language", ["en", "ru", "hi"])
def test_of_control_characters_only_gaps_are_left(language):
    assert legible("one\0two\x1bthree\x85four", language) == "one two three four"
    assert legible("one\ttwo\r\nthree", language) == "one\ttwo\r\nthree"


def test_a_text_with_control_characters_is_pronounced():
    (sentence,) = Pronouncer("en-us", "en").sentences("Hello\0 world.")
    assert sentence == "həlˈoʊ wˈɜːld."


def test_each_sentence_is_pronounced_by_itself():
    first, second = Pronouncer("en-us", "en").sentences("One moment, please. Done!")
    assert first == "wˈʌn mˈoʊmənt, plˈiːz."
    assert second == "dˈʌn!"


@pytest.mark.parametrize("text", ["", " ", "...", "你好"])
def test_a_text_without_words_has_no_sentences(text):
    assert Pronouncer("en-us", "en").sentences(text) == []


def test_brackets_are_no_phonemes():
    (sentence,) = Pronouncer("en-us", "en").sentences("See [[xyz]].")
    assert "xyz" not in sentence


def test_two_languages_can_be_pronounced_at_the_same_time():
    english, spanish = Pronouncer("en-us", "en"), Pronouncer("es", "es")
    alone = [english.sentences("Gracias, general."), spanish.sentences("Gracias, general.")]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(50):
            both = [
                threads.submit(pronouncer.sentences, "Gracias, general.")
                for pronouncer in (english, spanish)
            ]
            assert [one.result() for one in both] == alone
