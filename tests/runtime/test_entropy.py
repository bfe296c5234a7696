from __future__ import annotations

import re

from antiphon.runtime.entropy import RandomEntropy


def test_identifiers_look_like_those_of_the_hosted_service():
    assert re.fullmatch(r"item_[0-9A-Za-z]{21}", RandomEntropy().identifier("item"))
    assert re.fullmatch(r"call_[0-9A-Za-z]{16}", RandomEntropy().identifier("call", 16))


def test_identifiers_do_not_repeat():
    entropy = RandomEntropy()
    assert len({entropy.identifier("item") for _ in range(10_000)}) == 10_000
    assert RandomEntropy().identifier("item") != RandomEntropy().identifier("item")


def test_the_same_seed_gives_the_same_row():
    first, second = RandomEntropy(7), RandomEntropy(7)
    assert [first.identifier("a") for _ in range(5)] == [second.identifier("a") for _ in range(5)]


def test_padding_has_the_length_asked_for_and_uses_all_of_base62():
    padding = RandomEntropy(1).padding(10_000)
    assert len(padding) == 10_000
    assert len(set(padding)) == 62
    assert RandomEntropy().padding(0) == ""
