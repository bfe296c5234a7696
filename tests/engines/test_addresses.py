from __future__ import annotations

import pytest

from antiphon.engines.addresses import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:secret@host:1/v1 is away", "http://user:********@host:1/v1 is away"),
        ("postgresql://:secret@db/antiphon", "postgresql://:********@db/antiphon"),
        ("from http://a:x@b to http://c:y@d", "from http://a:********@b to http://c:********@d"),
        ("http://host:1/v1#a@b", "http://host:1/v1#a@b"),
        ("postgresql://db/a?password=secret&x=y", "postgresql://db/a?password=********&x=********"),
        ("at http://h/v1?key=secret#m or so", "at http://h/v1?key=********#m or so"),
        ("what is a=b in http://host/v1?", "what is a=b in http://host/v1?"),
        ("http://user@host/v1", "http://user@host/v1"),
        ("whoever:whatever@host", "whoever:whatever@host"),
    ],
)
def test_passwords_of_urls_are_masked(text, shown):
    assert without_passwords(text) == shown
