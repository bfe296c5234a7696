"""What the address says of a server, and what the operator knows better."""

from __future__ import annotations

import pytest

from antiphon.engines.http.options import ServerOptions


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("http://localhost:11434/v1", False),
        ("http://box.localhost/v1", False),
        ("http://127.0.0.1:8080/v1", False),
        ("http://[::1]:8080/v1", False),
        ("http://192.168.1.7:8000/v1", True),
        ("https://api.example.org/v1", True),
    ],
)
def test_whether_it_is_another_machine(address, remote):
    assert ServerOptions(base_url=address).is_remote is remote


@pytest.mark.parametrize("remote", [True, False])
def test_the_operator_knows_better_than_the_address(remote):
    for address in ("http://localhost:11434/v1", "https://api.example.org/v1"):
        assert ServerOptions(base_url=address, remote=remote).is_remote is remote
