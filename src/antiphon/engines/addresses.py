"""Addresses of engines, as they may be shown."""

from __future__ import annotations

import re

__all__ = ["MASK", "without_passwords"]

MASK = "********"
"""Stands for what is not to be shown."""

_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^/@\s]*@")
"""In a URL, after the user's name."""

_QUERY = re.compile(r"(?<=://)([^?#\s]*)\?([^#\s]+)")
_VALUE = re.compile(r"=[^&;]+")
"""In a query. Which of them are secret, only the server knows."""


def without_passwords(text: str) -> str:
    """Return a text with the passwords and the values of queries masked that are in its URLs.

    >>> without_passwords("http://user:secret@host/v1?key=secret is out of reach")
    'http://user:********@host/v1?key=******** is out of reach'
    """
    text = _PASSWORD.sub(rf"\1:{MASK}@", text)
    return _QUERY.sub(lambda url: f"{url[1]}?{_VALUE.sub(f'={MASK}', url[2])}", text)
