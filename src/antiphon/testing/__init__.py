"""Tests of voice apps against a server that acts a script out: no weights, no network, no waiting.

In a test module, or in the ``conftest.py`` next to it::

    from antiphon.testing.plugin import antiphon_server

    def test_the_app_looks_the_weather_up(antiphon_server):
        antiphon_server.when_heard("weather").call("get_weather", city="Oslo").then().say("Rain.")
        run_my_app(url=antiphon_server.base_url, key=antiphon_server.api_key)
        antiphon_server.session.assert_tool_output("get_weather", contains="7 degrees")

``docs/testing.md`` is the manual. Only :mod:`antiphon.testing.plugin` needs pytest.
"""

from antiphon.testing.records import Interruption, SessionRecord, ToolOutput
from antiphon.testing.rules import AnswerRule, SpeechRule
from antiphon.testing.server import ScriptedServer, scripted_server
from antiphon.testing.sound import silence, speech

__all__ = [
    "AnswerRule",
    "Interruption",
    "ScriptedServer",
    "SessionRecord",
    "SpeechRule",
    "ToolOutput",
    "scripted_server",
    "silence",
    "speech",
]
