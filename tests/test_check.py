"""``antiphon check``: every engine is loaded and tried once."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from antiphon.check import check
from antiphon.config import Config, ModelChoice, TlsChoice
from antiphon.config.loading import DEFAULT_SOURCE, Loaded
from antiphon.engines.choices import Choice
from tests.support.certificates import made
from tests.support.server import running_server

SCRIPTED = dict.fromkeys(
    ("transcriber", "language_model", "synthesizer", "voice_detector", "turn_predictor"), "scripted"
)


async def checked(tmp_path: Path, **fields: object) -> tuple[bool, str]:
    config = Config(home=tmp_path, **{**SCRIPTED, **fields})  # type: ignore[arg-type]
    sources = dict.fromkeys(Config.__struct_fields__, DEFAULT_SOURCE)
    sources |= dict.fromkeys(fields, "antiphon.toml")
    lines: list[str] = []
    works = await check(Loaded(config, sources), lines.append)
    return works, "\n".join(lines)


async def test_each_engine_is_loaded_and_has_to_do_its_work(tmp_path):
    works, said = await checked(tmp_path)
    assert works
    for line in (
        "finds speech in a question",
        "cleans speech",
        "a question is over at",
        "hears 'Hello there.' where 'What is the capital of France?' is said",
        "answers 'You said: What is the capital of France",
        "says 'Hello there.' where it is to say",
    ):
        assert line in said
    assert said.count("loaded in ") == 6


async def test_a_fallback_of_a_fallback_is_tried_too(tmp_path):
    last = Choice(use="scripted", fallback=("nobody",))
    works, said = await checked(tmp_path, synthesizer=Choice(use="scripted", fallback=(last,)))
    assert not works
    assert "There is no synthesizer named 'nobody'" in said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"voices": {"slow": "nobody"}}, "The voice 'slow' is to be spoken by 'nobody'"),
        ({"session": {"audio": {"output": {"voice": "nobody"}}}}, "Invalid value: 'nobody'."),
        ({"session": {"prompt": {"id": "nope"}}}, "'nope'"),
        (
            {"session": {"tool_choice": {"type": "function", "name": "f"}}},
            "Tool choice 'f' is not one of the tools: none.",
        ),
    ],
)
async def test_a_session_with_each_model_has_to_be_able_to_begin(fields, message, tmp_path):
    works, said = await checked(tmp_path, models={"own": ModelChoice(**fields)})
    assert not works
    assert "model           own: " in said
    assert message in said.partition("model           own: ")[2]


async def test_a_model_is_not_tried_without_an_engine_of_its_own(tmp_path):
    models = {"whole": ModelChoice(), "broken": ModelChoice(synthesizer="nobody")}
    _, said = await checked(tmp_path, models=models)
    assert "model           whole: ready" in said
    assert "broken: not tried: the synthesizer does not work, see above." in said


async def test_the_certificate_is_read(tmp_path):
    works, said = await checked(tmp_path, tls=made(tmp_path))
    assert works
    missing = TlsChoice(certificate="a.pem", key="b.pem")
    works, said = await checked(tmp_path, tls=missing)
    assert not works
    assert "tls             The certificate a.pem with the key b.pem cannot be used" in said


async def test_what_the_operator_said_is_shown_with_its_source(tmp_path):
    _, said = await checked(tmp_path, port=9000)
    assert "port = 9000  # antiphon.toml" in said
    assert "host" not in said


async def test_no_password_of_an_address_is_shown(tmp_path, caplog):
    _, said = await checked(tmp_path, language_model="http://user:secret@127.0.0.1:9/v1#big")
    assert "language_model  http://user:********@127.0.0.1:9/v1#big: ready" in said
    assert "http://user:********@127.0.0.1:9/v1 is out of reach" in caplog.text
    assert "secret" not in said + caplog.text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
async def test_the_memory_of_an_engine_in_a_process_of_its_own_counts(tmp_path):
    _, said = await checked(tmp_path, transcriber=Choice(use="scripted", isolated=True))
    lines = iter(said.splitlines())
    assert any(line.startswith("transcriber ") for line in lines)
    taken_mb = re.search(r"([\d.]+) MB of memory", next(lines))
    assert taken_mb
    assert float(taken_mb[1]) > 10  # a Python of its own


async def test_engines_of_all_models_and_their_fallbacks_are_tried_once(tmp_path):
    quick = Choice(use="scripted", parallel=1, fallback=("scripted",))
    models = {"a": ModelChoice(), "b": ModelChoice(language_model=quick), "c": ModelChoice()}
    works, said = await checked(tmp_path, models=models)
    assert works
    assert "language_model  scripted: ready, for a, b, c\n" in said
    assert "language_model  scripted: ready, for b\n" in said
    assert said.count("synthesizer     scripted: ready") == 1


async def test_an_engine_that_no_model_uses_is_told(tmp_path):
    models = {"quick": ModelChoice(language_model="scripted")}
    works, said = await checked(tmp_path, models=models, language_model="http://127.0.0.1:9/v1#big")
    assert works
    assert "warning: 'language_model' is used by no model" in said
    assert "language_model  http" not in said


async def test_an_engine_that_fails_is_told_and_the_others_are_tried(tmp_path):
    script = tmp_path / "story.toml"
    script.write_text('[[answers]]\nsteps = [{ do = "fail", message = "It fell over." }]')
    works, said = await checked(tmp_path, script=script)
    assert not works
    assert "does not work: It fell over." in said
    assert "synthesizer     scripted: ready" in said


async def test_an_engine_of_which_nothing_useful_comes_does_not_work(tmp_path):
    script = tmp_path / "story.toml"
    script.write_text('[[transcriptions]]\nsteps = [{ do = "say", text = "" }]')
    works, said = await checked(tmp_path, script=script)
    assert not works
    assert "does not work: hears nothing where 'What is the capital of France?' is said" in said


async def test_what_is_missing_is_named_with_what_to_do(tmp_path):
    works, said = await checked(tmp_path, transcriber=None, synthesizer="nobody")
    assert not works
    assert "transcriber     moonshine-tiny-en: no weights" in said
    assert f"Run: ANTIPHON_HOME={tmp_path} antiphon models fetch moonshine-tiny-en" in said
    assert "There is no synthesizer named 'nobody'" in said
    assert "answers 'You said:" in said


async def test_a_service_that_answers_for_a_model_is_tried(tmp_path):
    async with running_server() as service:
        address = f"{service.url.replace('http', 'ws')}/v1#antiphon"
        lost = "ws://127.0.0.1:1/v1"
        models = {"relayed": ModelChoice(upstream=address), "lost": ModelChoice(upstream=lost)}
        works, said = await checked(tmp_path, models=models)
    assert not works
    assert f"upstream        {address}: of the model relayed" in said
    assert said.count("does not work: ") == 1
    assert "transcriber     " not in said
