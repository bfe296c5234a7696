from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from click.testing import CliRunner
from openai import OpenAI

from antiphon.cli import main
from antiphon.config import hash_line
from tests.support.webrtc import Caller

SCRIPTED = [
    "--transcriber=scripted",
    "--language-model=scripted",
    "--synthesizer=scripted",
    "--voice-detector=scripted",
    "--turn-predictor=scripted",
    "--denoiser=scripted",
]
PATIENCE_S = 30.0


def run(*arguments: str, **environment: str):
    return CliRunner().invoke(main, arguments, env=environment)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``antiphon serve`` on a free port; yield it and its base URL."""
    command = [sys.executable, "-m", "antiphon.cli", "serve", "--port=0", *SCRIPTED, *arguments]
    keeping_nothing = {**os.environ, "ANTIPHON_STORE": '{keep = "nothing"}'}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=keeping_nothing
    ) as server:
        try:
            assert server.stdout is not None
            announced = server.stdout.readline()
            assert 'Client: AsyncOpenAI(base_url="' in server.stdout.readline()
            match = re.search(r"Base URL: (http://127\.0\.0\.1:\d+/v1)$", announced.strip())
            assert match, announced
            yield server, match[1]
        finally:
            server.kill()


# --- without a server -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["config"], ["models"], ["schema"]])
def test_who_reads_no_further_ends_it_without_a_word(command):
    """As in ``antiphon config | head -1``."""
    reads, writes = os.pipe()
    os.close(reads)
    ended = subprocess.run(
        [sys.executable, "-m", "antiphon.cli", *command],
        stdout=writes,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    os.close(writes)
    assert ended.stderr == ""


def test_help_names_the_commands():
    result = run("--help")
    assert result.exit_code == 0
    for command in ("serve", "ask", "demo", "models", "store", "check", "config", "key", "schema"):
        assert command in result.output


def test_the_version_is_that_of_the_package():
    assert "0.1.0" in run("--version").output


def test_check_is_content_with_engines_that_need_nothing(tmp_path):
    result = run("check", *SCRIPTED, ANTIPHON_HOME=str(tmp_path))
    assert result.exit_code == 0
    assert result.output.count("scripted: ready") == len(SCRIPTED)


def test_check_says_what_is_missing_and_how_to_get_it(tmp_path):
    result = run("check", ANTIPHON_HOME=str(tmp_path))
    assert result.exit_code == 1
    assert "no weights" in result.output
    assert "Run: antiphon models fetch" in result.output


def test_check_names_an_unknown_engine(tmp_path):
    result = run("check", *SCRIPTED, "--synthesizer=nobody", ANTIPHON_HOME=str(tmp_path))
    assert result.exit_code == 1
    assert "There is no synthesizer named 'nobody'" in result.output


def test_check_looks_at_the_engines_that_are_configured(tmp_path):
    names = (flag.removeprefix("--").split("=") for flag in SCRIPTED)
    lines = [f"{role.replace('-', '_')} = '{name}'" for role, name in names]
    file = tmp_path / "antiphon.toml"
    file.write_text("\n".join([*lines, "home = 'empty'"]))
    result = run("check", "--config", str(file), ANTIPHON_HOME="")
    assert result.exit_code == 0
    assert result.output.count("scripted: ready") == len(SCRIPTED)


def test_the_configuration_is_printed_with_sources_and_without_keys(tmp_path):
    file = tmp_path / "antiphon.toml"
    file.write_text("max_sessions = 3\napi_keys = ['sk-one']")
    result = run("config", "--config", str(file), ANTIPHON_PORT="9000")
    assert result.exit_code == 0
    assert f"max_sessions = 3  # {file}\n" in result.output
    assert "port = 9000  # ANTIPHON_PORT\n" in result.output
    assert "sk-one" not in result.output


def test_a_variable_that_means_nothing_is_named_wherever_configurations_are_shown(tmp_path):
    home = {"ANTIPHON_HOME": str(tmp_path)}
    for command in (("config",), ("check", *SCRIPTED)):
        result = run(*command, ANTIPHON_MAX_SESIONS="3", **home)
        assert result.exit_code == 0
        assert "Did you mean ANTIPHON_MAX_SESSIONS?" in result.output


def test_a_mistake_in_the_configuration_is_explained(tmp_path):
    file = tmp_path / "antiphon.toml"
    file.write_text("max_sesions = 3")
    for command in ("config", "serve", "check"):
        result = run(command, "--config", str(file))
        assert result.exit_code == 1
        assert f"{file}: Unknown parameter: 'max_sesions'. Did you mean" in result.output
        assert "Traceback" not in result.output


def test_a_new_key_comes_with_the_hash_that_the_server_knows_it_by():
    key, digest = (line.split()[-1] for line in run("key").output.splitlines())
    assert digest == hash_line(key)


def test_the_schema_of_a_type_is_printed():
    result = run("schema", "RealtimeResponse")
    assert result.exit_code == 0
    assert "RealtimeResponse" in json.dumps(json.loads(result.output))


def test_the_schema_of_all_types_is_printed():
    assert len(json.loads(run("schema").output)["$defs"]) > 20


def test_the_schema_of_an_unknown_type_is_an_error():
    result = run("schema", "Nothing")
    assert result.exit_code == 2
    assert "no wire type is called 'Nothing'" in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["serve", "--port", "70000"], "70000 is not in the range"),
        (["serve", "--max-sessions", "0"], "0 is not in the range"),
        (["serve", "--script", "no-such-file.toml"], "does not exist"),
        (["ask"], "Give either a WAV file or --text."),
        (["ask", "no-such-file.wav"], "does not exist"),
        (["demo"], "Missing argument 'WAV'"),
        (["sing"], "No such command 'sing'"),
    ],
)
def test_wrong_usage_is_explained(arguments, complaint):
    result = run(*arguments)
    assert result.exit_code == 2
    assert complaint in result.output


def test_both_ways_of_asking_at_once_are_too_many(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"")
    assert run("ask", str(path), "--text", "Hello?").exit_code == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_that_others_can_reach_needs_a_key(host):
    result = run("serve", *SCRIPTED, "--host", host, ANTIPHON_API_KEYS="")
    assert result.exit_code == 1
    assert f"The server would listen on {host}" in result.output
    assert "--api-key" in result.output
    assert "Traceback" not in result.output


def test_a_server_whose_engines_are_missing_says_what_to_do(tmp_path):
    result = run("serve", "--port=0", ANTIPHON_HOME=str(tmp_path))
    assert result.exit_code == 1
    assert "Run: antiphon models fetch" in result.output


def test_asking_nobody_is_an_error_without_a_traceback():
    result = run("ask", "--text", "Hello?", "--url", "http://127.0.0.1:9/v1")
    assert result.exit_code == 1
    assert "Start one with 'antiphon serve'." in result.output


# --- with a server --------------------------------------------------------------------------------


def test_a_server_announces_itself_answers_and_ends_at_ctrl_c():
    with serving("--api-key", "sk-one") as (server, url):
        answer = run("ask", "--text", "Good morning.", "--url", url, "--api-key", "sk-one")
        refusal = run("ask", "--text", "Good morning.", "--url", url, "--api-key", "sk-two")
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=PATIENCE_S)
    assert answer.exit_code == 0, answer.output
    assert "Answer:   You said: Good morning." in answer.output
    assert refusal.exit_code == 1
    assert "invalid_api_key" in refusal.output
    assert server.returncode == 0
    assert errors == "Loading engines ...\n"


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM ends a process at once elsewhere")
def test_a_server_ends_in_order_when_it_is_told_to_terminate():
    with serving() as (server, _):
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=PATIENCE_S)
    assert server.returncode == 0
    assert "Traceback" not in errors


def test_a_server_speaks_to_beta_clients_if_it_is_told_to():
    with serving("--beta-dialect") as (_, url):
        openai = OpenAI(websocket_base_url=url.replace("http", "ws", 1), api_key="any")
        with openai, openai.beta.realtime.connect(model="antiphon") as connection:
            assert connection.recv().type == "session.created"


async def test_a_server_holds_calls_until_their_answers_have_been_heard():
    # Playback goes on by a timer, and its end is told after all tasks of the answer have ended.
    with serving() as (server, url):
        caller = Caller()
        async with httpx2.AsyncClient() as client:
            answer = await client.post(
                f"{url}/realtime/calls",
                content=await caller.offer(),
                headers={"Content-Type": "application/sdp"},
            )
        await caller.take(answer.text)
        await caller.open()
        text = {"type": "input_text", "text": "Good morning."}
        item = {"type": "message", "role": "user", "content": [text]}
        caller.send(json.dumps({"type": "conversation.item.create", "item": item}))
        caller.send(json.dumps({"type": "response.create"}))
        await caller.until(
            lambda: any("output_audio_buffer.stopped" in one for one in caller.messages)
        )
        await caller.aclose()
        server.send_signal(signal.SIGINT)
        _, errors = await asyncio.to_thread(server.communicate, timeout=PATIENCE_S)
    assert errors == "Loading engines ...\n"


def test_a_server_whose_configuration_has_vanished_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "antiphon.toml"
    file.write_text("api_keys = ['sk-one']\nmax_sessions = 3")
    with serving("--admin-key=sk-admin") as (_, url):
        file.unlink()
        allowed = {"authorization": "Bearer sk-admin"}
        refusal = httpx2.post(f"{url}/antiphon/reload", headers=allowed).json()["error"]
        assert "The configuration stays as it was." in refusal["message"]
        assert "antiphon.toml cannot be read: No such file" in refusal["message"]
        one = {"authorization": "Bearer sk-one"}
        assert httpx2.get(f"{url}/models", headers=one).status_code == 200


def test_a_server_says_what_is_set_for_it_and_means_nothing(monkeypatch):
    monkeypatch.setenv("ANTIPHON_LANGAUGE_MODEL", "fast")
    with serving() as (server, _):
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=PATIENCE_S)
    assert "Did you mean ANTIPHON_LANGUAGE_MODEL?" in errors


def test_a_server_acts_out_a_script(tmp_path):
    script = tmp_path / "script.toml"
    script.write_text('[[answers]]\nsteps = [{ do = "say", text = "Ahoy." }]\n')
    with serving("--script", str(script)) as (_, url):
        answer = run("ask", "--text", "Good morning.", "--url", url)
    assert "Answer:   Ahoy." in answer.output


def test_an_engine_that_cannot_be_loaded_is_named_with_who_chose_it(tmp_path):
    file = tmp_path / "antiphon.toml"
    file.write_text("home = '.'\nmodels.quick.synthesizer = 'nobody'")
    result = run("serve", "--port=0", *SCRIPTED, "--config", str(file))
    assert result.exit_code == 1
    where = f"Error: {file}: models.quick.synthesizer: "
    assert f"{where}There is no synthesizer named 'nobody'" in result.output
    result = run(
        "serve", "--port=0", *SCRIPTED, "--synthesizer=nobody", ANTIPHON_HOME=str(tmp_path)
    )
    assert "Error: --synthesizer: synthesizer: There is no synthesizer" in result.output


def test_a_script_that_cannot_be_used_is_named(tmp_path):
    script = tmp_path / "script.toml"
    script.write_text("sentences = 3")
    result = run("serve", "--port=0", *SCRIPTED, "--script", str(script))
    assert result.exit_code == 1
    assert f"the script {script} cannot be used" in result.output
