"""The fixtures, as a test imports them."""

from __future__ import annotations

from antiphon.testing.plugin import antiphon_environment, antiphon_server
from tests.testing.app import answer, connected, write

__all__ = ["antiphon_environment", "antiphon_server"]


def test_each_test_has_a_server_of_its_own(antiphon_server):
    assert antiphon_server.sessions == []


def test_an_app_finds_the_server_by_the_environment(antiphon_server, antiphon_environment):
    antiphon_server.when_heard("there").say("Yes.")
    with connected() as app:
        write(app, "Is anybody there?")
        assert answer(app) == ("completed", "Yes.")
    assert set(antiphon_environment) == {"OPENAI_BASE_URL", "OPENAI_API_KEY"}
