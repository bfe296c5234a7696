from __future__ import annotations

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from antiphon.engines.base import EngineSettings
from antiphon.engines.ears.moonshine import MoonshineOptions
from antiphon.engines.ears.onnx_asr import OnnxAsrOptions
from antiphon.engines.ears.whisper import WhisperOptions
from antiphon.engines.llama.options import LlamaOptions
from antiphon.engines.options import FromVariable, options_as
from antiphon.engines.voices.kokoro import KokoroOptions
from antiphon.engines.voices.piper import PiperOptions
from antiphon.errors import EngineError


class Options(Struct, forbid_unknown_fields=True):
    context_tokens: Annotated[int, Meta(ge=1)] = 2048
    speeds: tuple[float, float] = (0.5, 1.5)
    headers: dict[str, str] = {}
    loud: bool = False
    name: str | None = None


def read(**options: object) -> Options:
    return options_as(EngineSettings(name="parrot", options=options), Options, "generate")


def test_options_are_what_the_engine_takes():
    assert read(speeds=[1, 2], loud=True) == Options(speeds=(1.0, 2.0), loud=True)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("context_tokens", "4096", 4096),
        ("loud", "true", True),
        ("loud", "0", False),
        ("name", "4096", "4096"),
    ],
)
def test_what_was_in_a_variable_is_read_as_what_the_option_takes(option, text, value):
    assert getattr(read(**{option: FromVariable(text)}), option) == value
    if value != text:
        with pytest.raises(EngineError):
            read(**{option: text})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"contxt_tokens": 1}, "Unknown parameter: 'contxt_tokens'. Did you mean 'context_tokens'"),
        ({"context_tokens": 0}, "Invalid 'context_tokens': integer below minimum value."),
        ({"context_tokens": FromVariable("0")}, "Invalid 'context_tokens': integer below minimum"),
        ({"context_tokens": FromVariable("x")}, "Invalid type for 'context_tokens': expected an"),
        ({"contxt_tokens": FromVariable("1")}, "Unknown parameter: 'contxt_tokens'."),
        ({"headers": {"x": 1}}, "Invalid type for 'headers.x': expected a string"),
        ({"speeds": [1.0, 2.0], "loud": 3}, "Invalid type for 'loud': expected a boolean"),
        ({"speeds": (1.0, 2.0), "loud": 3}, "Invalid type for 'loud': expected a boolean"),
    ],
)
def test_options_that_will_not_do_are_named_with_their_engine(options, reason):
    with pytest.raises(EngineError) as error:
        read(**options)
    assert error.value.code == "invalid_options"
    assert str(error.value).startswith(f"the options of parrot cannot be used: {reason}")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (MoonshineOptions, {"max_audio_s": -1.0}),
        (MoonshineOptions, {"silence_after_s": -1.0}),
        (OnnxAsrOptions, {"max_audio_s": 0.0}),
        (WhisperOptions, {"threads_per_utterance": 100_000}),
        (LlamaOptions, {"parallel": 0}),
        (LlamaOptions, {"context_tokens": -1}),
        (LlamaOptions, {"temperature": float("nan")}),
        (PiperOptions, {"gain": -1.0}),
        (KokoroOptions, {"gain": float("inf")}),
    ],
)
def test_numbers_that_no_engine_can_work_with_are_refused(kind, options):
    settings = EngineSettings(name="parrot", options=options)
    with pytest.raises(
        EngineError, match=f"of parrot cannot be used: Invalid '{next(iter(options))}'"
    ):
        options_as(settings, kind, "generate")
