"""Addresses of engines, as they may be shown."""

from __future__ import annotations

import re

__all__ = ["MASK", "without_passwords"]

MASK = "********"
"""Stands for what is not to be shown."""

_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^/@\s]*@")
"""In a URL, after the user's name."""


def without_passwords(text: str) -> str:
    """Return a text with the passwords masked that are in its URLs.

    >>> without_passwords("http://user:secret@host/v1 is out of reach")
    'http://user:********@host/v1 is out of reach'
    """
    return _PASSWORD.sub(rf"\1:{MASK}@", text)
