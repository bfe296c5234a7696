"""Runs the clients' programs, each where its client is installed."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import anyio

from antiphon.core.plan import ChatMessage
from tests.clients.environments import CLIENTS, Environment, environment_of
from tests.clients.story import SCRIPT, Told
from tests.clients.tls import make_certificates, tls_front
from tests.support.server import running_server

__all__ = ["PROGRAMS", "Conversation", "Program", "hold", "run_on_node"]


class Program(NamedTuple):
    """A client's program, which holds the conversation of the story.

    Attributes:
        client: Name of the client's folder.
        script: The program for Node.js; ``None`` for the module ``converse``.
        arguments: What it is told beside the server's address.
        tls: Whether the client refuses plain connections.
    """

    client: str
    script: str | None = None
    arguments: tuple[str, ...] = ()
    tls: bool = False


PROGRAMS = {
    "openai-agents for Python": Program("openai_agents"),
    "openai-agents for JavaScript": Program("node", "agents_realtime.mjs"),
    "openai for JavaScript, ws": Program("node", "openai_realtime.mjs", ("ws",), tls=True),
    "openai for JavaScript, native": Program("node", "openai_realtime.mjs", ("native",), tls=True),
    "Pipecat": Program("pipecat"),
    "LiveKit": Program("livekit"),
}


class Conversation(NamedTuple):
    """A conversation that has been held.

    Attributes:
        told: What the client's program told.
        seen: What the language model was shown last, without the instructions.
    """

    told: list[Told]
    seen: list[ChatMessage]


async def hold(program: Program, folder: Path) -> Conversation:
    """Have a client hold the conversation with a server of its own.

    Args:
        program: The client's program.
        folder: An empty folder to run in.
    """
    environment = environment_of(program.client)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running_server(SCRIPT))
        url = server.url
        if program.tls:
            await make_certificates(environment, folder)
            url = await stack.enter_async_context(tls_front(url, folder))
        if program.script is None:
            told = await _run_in_python(environment, program.client, url)
        else:
            told = await run_on_node(environment, program.script, folder, url, *program.arguments)
        messages = server.cast.language_model.requests[-1].messages
    return Conversation(told, [message for message in messages if message.role != "system"])


async def run_on_node(
    environment: Environment, script: str, folder: Path, *arguments: str
) -> list[Told]:
    """Run a program of ``node/`` and return what it told.

    Args:
        environment: Where its packages are.
        script: File name of the program.
        folder: Where to run it. Connections are trusted that a ``client.pem`` there has signed.
        arguments: The program's arguments.
    """
    _put_programs(environment, folder)
    command = [str(environment.node), script, *arguments]
    return await _run(command, cwd=folder, NODE_EXTRA_CA_CERTS=str(folder / "client.pem"))


def _put_programs(environment: Environment, folder: Path) -> None:
    """Copy the programs next to their packages, where Node.js looks for them."""
    for path in CLIENTS.glob("node/*.mjs"):
        shutil.copy(path, folder)
    folder.joinpath("node_modules").symlink_to(environment.node_modules)


async def _run_in_python(environment: Environment, client: str, url: str) -> list[Told]:
    module = f"tests.clients.{client}.converse"
    return await _run([str(environment.python), "-m", module, url], cwd=CLIENTS.parent.parent)


async def _run(command: list[str], cwd: Path, **variables: str) -> list[Told]:
    done = await anyio.run_process(command, cwd=cwd, env={**os.environ, **variables}, check=False)
    output = done.stdout.decode()
    assert done.returncode == 0, f"{output}\n{done.stderr.decode()}"
    return [json.loads(line) for line in output.splitlines()]
