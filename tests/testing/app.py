"""A small voice app to test: blocking, with the official SDK, and one function."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from openai import OpenAI
from openai.resources.realtime.realtime import RealtimeConnection

from antiphon.testing import ScriptedServer

__all__ = ["answer", "connected", "say", "write"]

WEATHER = "Rain, 7 degrees."


@contextmanager
def connected(server: ScriptedServer | None = None) -> Iterator[RealtimeConnection]:
    """Connect to a server; without one, to that of the environment."""
    base_url = server.base_url if server else None
    api_key = server.api_key if server else None
    with (
        OpenAI(base_url=base_url, api_key=api_key, max_retries=0) as openai,
        openai.realtime.connect(model="antiphon") as connection,
    ):
        yield connection


def write(connection: RealtimeConnection, text: str) -> None:
    """Ask in writing."""
    connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
    )
    connection.response.create()


def say(connection: RealtimeConnection, pcm: bytes) -> None:
    """Ask aloud, in chunks of 100 ms."""
    for start in range(0, len(pcm), 4800):
        chunk = base64.b64encode(pcm[start : start + 4800]).decode()
        connection.input_audio_buffer.append(audio=chunk)


def answer(connection: RealtimeConnection) -> tuple[str, str]:
    """Call functions for as long as the model wants; return the last answer's status and words."""
    while True:
        response = _done(connection)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            words = [
                part.transcript or ""
                for item in response.output
                if item.type == "message"
                for part in item.content
            ]
            return response.status, "".join(words)
        for call in calls:
            connection.conversation.item.create(
                item={
                    "type": "function_call_output",
                    "call_id": call.call_id or "",
                    "output": WEATHER,
                }
            )
        connection.response.create()


def _done(connection):
    for event in connection:
        if event.type == "response.done":
            return event.response
    raise ConnectionError
