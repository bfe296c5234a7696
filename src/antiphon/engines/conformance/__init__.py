"""Tests that every engine has to pass, for authors of engines to run on theirs.

Subclass the class of the role in a test module, and say how the engine is made::

    pytest.register_assert_rewrite("antiphon.engines.conformance")
    from antiphon.engines import conformance

    class TestMyTranscriber(conformance.TranscriberConformance):
        @classmethod
        def create(cls):
            return create(EngineSettings(name="mine", files={…}))

The package needs pytest and anyio's plugin, and is not imported by anything else. An
``anyio_backend`` fixture of at least class scope must choose asyncio.
"""

from antiphon.engines.conformance.base import (
    PATIENCE_S,
    EngineConformance,
    WorkConformance,
    events_of,
    noise,
)
from antiphon.engines.conformance.hearing import (
    DenoiserConformance,
    TranscriberConformance,
    TurnPredictorConformance,
    VoiceDetectorConformance,
)
from antiphon.engines.conformance.speaking import SynthesizerConformance
from antiphon.engines.conformance.thinking import (
    LanguageModelConformance,
    MessageEndConformance,
    calls_in,
)

__all__ = [
    "PATIENCE_S",
    "DenoiserConformance",
    "EngineConformance",
    "LanguageModelConformance",
    "MessageEndConformance",
    "SynthesizerConformance",
    "TranscriberConformance",
    "TurnPredictorConformance",
    "VoiceDetectorConformance",
    "WorkConformance",
    "calls_in",
    "events_of",
    "noise",
]
