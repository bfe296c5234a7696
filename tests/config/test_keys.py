from __future__ import annotations

import re

import pytest

from antiphon.config.keys import digest_of, hash_line, new_key


def test_a_key_and_its_hash_are_one_key():
    assert digest_of("sk-one") == digest_of(hash_line("sk-one"))
    assert digest_of("sk-one") != digest_of("sk-two")


@pytest.mark.parametrize("damaged", ["sha256:", "sha256:12ab", "sha256:" + "G" * 64])
def test_what_begins_like_a_hash_and_is_none_is_not_taken_for_a_plain_key(damaged):
    with pytest.raises(ValueError, match="'antiphon key' prints such a line"):
        digest_of(damaged)


def test_a_new_key_can_travel_in_a_header_and_as_a_subprotocol():
    key = new_key()
    assert re.fullmatch(r"sk-[A-Za-z0-9_-]{43}", key)  # 256 bits
    assert key != new_key()
