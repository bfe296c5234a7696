import logging
import shlex
import sys
import threading

import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.choices import Choice
from antiphon.engines.registry import Readiness, load_engine, status
from antiphon.engines.weights.store import path_of
from antiphon.errors import ConfigurationError, EngineError, WeightsError

CATALOGUE = builtin_catalogue()

PLUGIN = """
import threading

from antiphon.engines.base import EngineInfo
from antiphon.errors import EngineError

class Parrot:
    built = []
    closed = 0

    def __init__(self, settings):
        Parrot.built.append((settings, threading.current_thread()))
        self.info = EngineInfo(name=settings.name, role="transcriber")

    async def aclose(self):
        Parrot.closed += 1

def create_broken(settings):
    raise RuntimeError("no beak")

def create_refusing(settings):
    raise EngineError("no seeds", stage="transcribe")
"""


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Install a package on this test's import path that offers engines."""

    def install(package="parrot-engines", **engines):
        folder = tmp_path / package
        module = package.replace("-", "_")
        info = folder / f"{module}-2.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
        lines = [f"{name} = {module}:{factory}" for name, factory in engines.items()]
        (info / "entry_points.txt").write_text("[antiphon.engines]\n" + "\n".join(lines))
        (folder / f"{module}.py").write_text(PLUGIN)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def pretend_fetched(name, home):
    """Put files of the right size, full of nothing, where the weights belong."""
    for file in CATALOGUE.with_weights(name).files.values():
        path = path_of(file, home)
        path.parent.mkdir(parents=True)
        with path.open("wb") as stream:
            stream.truncate(file.bytes)


@pytest.mark.parametrize("role", CATALOGUE.defaults)
async def test_the_scripted_engines_load_without_weights(role, tmp_path):
    engine = await load_engine(role, "scripted", home=tmp_path)
    assert engine.info.role == role
    assert engine.info.name == "scripted"
    await engine.aclose()


async def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigurationError, match="no transcriber named 'whisper'") as refusal:
        await load_engine("transcriber", "whisper", home=tmp_path)
    assert "Known are: moonshine-tiny-en, " in str(refusal.value)


async def test_missing_weights_come_with_the_command_that_fetches_them(tmp_path):
    home = tmp_path / "of one's own"
    with pytest.raises(WeightsError, match=r"43\.9 MB") as refusal:
        await load_engine("transcriber", "moonshine-tiny-en", home=home)
    quoted = shlex.quote(str(home))
    command = f"Run: ANTIPHON_HOME={quoted} antiphon models fetch moonshine-tiny-en"
    assert str(refusal.value).endswith(command)


async def test_the_command_names_no_home_that_is_the_usual_one(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="Run: antiphon models fetch moonshine-tiny-en"):
        await load_engine("transcriber", "moonshine-tiny-en", home=tmp_path)


async def test_a_missing_requirement_comes_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigurationError, match=r"needs onnxruntime, .*'antiphon\[local\]'"):
        await load_engine("voice_detector", "silero-vad", home=tmp_path)


async def test_an_installed_package_offers_engines_by_their_names(offer, tmp_path):
    offer(parrot="Parrot")
    options = {"beak": "yellow"}
    engine = await load_engine("transcriber", "parrot", home=tmp_path, threads=3, options=options)
    assert engine.info.name == "parrot"
    ((settings, thread),) = sys.modules["parrot_engines"].Parrot.built
    assert settings == EngineSettings(name="parrot", options=options, threads=3)
    assert thread is not threading.current_thread(), "it was built on the event loop's thread"


async def test_what_the_operator_says_of_an_engine_is_what_it_is_built_from(offer, tmp_path):
    offer(parrot="Parrot")
    choice = Choice(use="parrot", options={"beak": "red"}, threads=2, queue_s=60)
    await load_engine("transcriber", choice, home=tmp_path, threads=3)
    ((settings, _),) = sys.modules["parrot_engines"].Parrot.built
    assert settings == EngineSettings(name="parrot", options={"beak": "red"}, threads=2, queue_s=60)


async def test_an_engine_of_another_role_is_refused_and_closed(offer, tmp_path):
    offer(parrot="Parrot")
    with pytest.raises(ConfigurationError, match=r"parrot-engines 2\.5 is a transcriber, not a "):
        await load_engine("synthesizer", "parrot", home=tmp_path)
    assert sys.modules["parrot_engines"].Parrot.closed == 1


@pytest.mark.parametrize(
    ("factory", "reason"),
    [("create_broken", "RuntimeError: no beak"), ("create_absent", "AttributeError: ")],
)
async def test_a_failing_plugin_is_named(offer, tmp_path, factory, reason):
    offer(parrot=factory)
    with pytest.raises(ConfigurationError, match=rf"'parrot' .* parrot-engines 2\.5 .* {reason}"):
        await load_engine("transcriber", "parrot", home=tmp_path)


async def test_an_engines_own_error_is_passed_on(offer, tmp_path):
    offer(parrot="create_refusing")
    with pytest.raises(EngineError, match="no seeds"):
        await load_engine("transcriber", "parrot", home=tmp_path)


async def test_an_engine_that_two_packages_offer_is_refused(offer, tmp_path):
    offer("one-parrot", parrot="Parrot")
    offer("two-parrots", parrot="Parrot")
    with pytest.raises(ConfigurationError, match="Uninstall all but one") as refusal:
        await load_engine("transcriber", "parrot", home=tmp_path)
    assert "one-parrot 2.5" in str(refusal.value)
    assert "two-parrots 2.5" in str(refusal.value)


def test_status_tells_each_roles_default_and_what_it_lacks(tmp_path):
    pretend_fetched("silero-vad", tmp_path)
    ready = status("voice_detector", home=tmp_path)
    assert (ready.name, ready.readiness, ready.problem) == ("silero-vad", Readiness.READY, "")
    lacking = status("synthesizer", home=tmp_path)
    assert (lacking.name, lacking.readiness) == ("piper-en-us-joe", Readiness.NO_WEIGHTS)
    assert "antiphon models fetch piper-en-us-joe" in lacking.problem


def test_status_tells_what_the_operator_chose(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert status("transcriber", "whisper-9", home=tmp_path).readiness is Readiness.UNKNOWN
    assert status("language_model", "fast", home=tmp_path).readiness is Readiness.NOT_INSTALLED
    assert status("synthesizer", "scripted", home=tmp_path).readiness is Readiness.READY


def test_status_of_a_path_where_there_is_nothing_says_so(tmp_path):
    state = status("language_model", str(tmp_path / "mind.gguf"), home=tmp_path)
    assert state.readiness is Readiness.UNKNOWN
    assert (
        state.problem
        == f"The language_model is to be {tmp_path / 'mind.gguf'}, but there is nothing."
    )


def test_the_default_language_model_gives_way_to_a_smaller_one_that_is_there(tmp_path, caplog):
    pretend_fetched("smollm2-135m", tmp_path)
    with caplog.at_level(logging.WARNING):
        language_model = status("language_model", home=tmp_path)
    assert (language_model.name, language_model.readiness) == ("smollm2-135m", Readiness.READY)
    assert "qwen2.5-coder-0.5b are missing; using smollm2-135m instead" in caplog.text


def test_a_language_model_that_was_chosen_does_not_give_way(tmp_path):
    pretend_fetched("smollm2-135m", tmp_path)
    language_model = status("language_model", "qwen2.5-coder-0.5b", home=tmp_path)
    assert language_model.name == "qwen2.5-coder-0.5b"
    assert language_model.readiness is Readiness.NO_WEIGHTS


async def test_without_any_weights_the_default_itself_is_asked_for(tmp_path):
    with pytest.raises(WeightsError, match=r"antiphon models fetch qwen2\.5-coder-0\.5b"):
        await load_engine("language_model", home=tmp_path)
