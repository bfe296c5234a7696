from __future__ import annotations

from antiphon.http.subtitles import as_srt, as_vtt
from antiphon.runtime.files.transcribe import Passage

PASSAGES = (
    Passage(0.0, 1.2345, "Good morning."),
    Passage(3599.9996, 3661.5, "An arrow --> and\n\nempty lines."),
)


def test_subrip():
    assert as_srt(PASSAGES) == (
        "1\n00:00:00,000 --> 00:00:01,234\nGood morning.\n"
        "\n2\n01:00:00,000 --> 01:01:01,500\nAn arrow -> and empty lines.\n"
    )


def test_webvtt():
    assert as_vtt(PASSAGES) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:01.234\nGood morning.\n"
        "\n01:00:00.000 --> 01:01:01.500\nAn arrow -> and empty lines.\n"
    )


def test_subtitles_of_nothing():
    assert as_srt(()) == ""
    assert as_vtt(()) == "WEBVTT\n"
