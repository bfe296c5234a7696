"""Transcripts as subtitles: SubRip, and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.runtime.files.transcribe import Passage

__all__ = ["as_srt", "as_vtt"]


def as_srt(passages: Sequence[Passage]) -> str:
    """Return passages as a SubRip file."""
    cues = (
        f"{number}\n{_time(one.start_s, ',')} --> {_time(one.end_s, ',')}\n{_lines(one)}\n"
        for number, one in enumerate(passages, 1)
    )
    return "\n".join(cues)


def as_vtt(passages: Sequence[Passage]) -> str:
    """Return passages as a WebVTT file."""
    cues = (
        f"\n{_time(one.start_s, '.')} --> {_time(one.end_s, '.')}\n{_lines(one)}\n"
        for one in passages
    )
    return "WEBVTT\n" + "".join(cues)


def _lines(passage: Passage) -> str:
    """Return a cue's text: in both formats an empty line would end it, and an arrow begin another.

    >>> _lines(Passage(0, 1, "One. --> Two."))
    'One. -> Two.'
    """
    return " ".join(passage.text.split()).replace("-->", "->")


def _time(at_s: float, point: str) -> str:
    """Return a position as ``HH:MM:SS``, the point, and milliseconds."""
    minutes, ms = divmod(round(at_s * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
