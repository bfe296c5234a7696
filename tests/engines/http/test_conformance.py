"""All three engines pass the tests that every engine has to pass."""

from __future__ import annotations

from typing import ClassVar

import pytest

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.http import factories


class OfServer:
    """An engine of the module's server."""

    options: ClassVar[dict[str, object]] = {}
    _url: ClassVar[str]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _of_server(cls, shared_server):
        cls._url = shared_server.url

    @classmethod
    def settings(cls):
        options = {"base_url": cls._url, **cls.options}
        return EngineSettings(name="elsewhere", options=options)


class TestLanguageModel(OfServer, conformance.LanguageModelConformance):
    options: ClassVar[dict[str, object]] = {"warm": True}

    @classmethod
    def create(cls):
        return factories.create_language_model(cls.settings())


class TestTranscriber(OfServer, conformance.TranscriberConformance):
    @classmethod
    def create(cls):
        return factories.create_transcriber(cls.settings())


class TestStreamingTranscriber(TestTranscriber):
    options: ClassVar[dict[str, object]] = {"stream": True, "logprobs": True}


class TestSynthesizer(OfServer, conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return factories.create_synthesizer(cls.settings())
