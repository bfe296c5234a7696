"""A server of the OpenAI API on this machine that does, and fails, as a test tells it to.

Without being told, it answers as the scripted engines would. Requests run on threads of their own,
so that engines may be built against it before there is an event loop.
"""

from __future__ import annotations

import json
import select
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

__all__ = [
    "MODELS",
    "MS_PER_CHARACTER",
    "PATIENCE_S",
    "Asked",
    "OpenAIServer",
    "Reply",
    "Told",
    "chat_chunk",
    "openai_server",
    "says",
    "status",
    "streams",
]

PATIENCE_S = 20.0
"""Bound on everything that a request waits for."""

MODELS = ("parrot", "parrot-large")
RATE_HZ = 24_000
MS_PER_CHARACTER = 10
"""How long it speaks."""


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        path: Where it went.
        headers: Its headers, their names in lower case.
        body: Its fields, of JSON or of a form.
        file: The file of a form.
        connection: Number of the connection that it came over.
    """

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    file: bytes
    connection: int


class Reply:
    """What a request is answered with, bit by bit."""

    def __init__(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        self.asked = asked
        self._handler = handler

    def json(self, body: object, code: int = 200, **headers: str) -> None:
        """Send a whole answer."""
        self.whole(json.dumps(body).encode(), "application/json", code, **headers)

    def whole(self, body: bytes, content_type: str, code: int = 200, **headers: str) -> None:
        """Send a whole answer of any type."""
        self._begin(code, content_type, **headers, Content_Length=str(len(body)))
        self._handler.wfile.write(body)

    def stream(self, content_type: str = "text/event-stream") -> None:
        """Begin an answer of unknown length."""
        self._begin(200, content_type, Transfer_Encoding="chunked")

    def send(self, data: bytes) -> None:
        """Send some of it."""
        self._handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, data: object) -> None:
        """Send a server-sent event."""
        self.send(b"data: %b\n\n" % json.dumps(data).encode())

    def end(self, *, done: bool = True) -> None:
        """End it; a stream of events by what ends them in this API."""
        if done:
            self.send(b"data: [DONE]\n\n")
        self._handler.wfile.write(b"0\r\n\r\n")

    def hang_up(self) -> None:
        """Lose the connection, wherever the answer is."""
        self._handler.close_connection = True

    def wait_for_hang_up(self) -> None:
        """Wait until the client closes the connection."""
        ready, _, _ = select.select([self._handler.connection], [], [], PATIENCE_S)
        assert ready, "the client did not close the connection"
        with suppress(ConnectionError):  # which is another way of leaving
            assert self._handler.connection.recv(1) == b"", "the client sent more"
        self.hang_up()

    def _begin(self, code: int, content_type: str, **headers: str) -> None:
        self._handler.send_response(code)
        self._handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()


Told = Callable[[Reply], None]
"""How one request is answered."""


@dataclass
class OpenAIServer:
    """A server that runs.

    Attributes:
        url: Its base URL, with ``/v1``.
        asked: The requests so far.
        told: How the next requests for a path are answered, in place of the usual way.
    """

    url: str
    asked: list[Asked] = field(default_factory=list)
    told: defaultdict[str, deque[Told]] = field(default_factory=lambda: defaultdict(deque))

    def tell(self, path: str, *replies: Told) -> None:
        """Say how the next requests for a path are answered."""
        self.told[path].extend(replies)

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for a path so far."""
        return [one for one in self.asked if one.path == path]


@contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Serve until the context ends."""
    connections = iter(range(1_000_000))

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.number = next(connections)

        def do_GET(self) -> None:
            self._answer({}, b"")

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Type"] == "application/json":
                self._answer(json.loads(data), b"")
            else:
                self._answer(*_form(self.headers["Content-Type"], data))

        def _answer(self, body: dict[str, Any], file: bytes) -> None:
            path = self.path.removeprefix("/v1")
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(path, headers, body, file, self.number)
            serving.asked.append(asked)
            told = serving.told[path]
            reply = told.popleft() if told else _USUAL.get(path, status(404))
            try:
                reply(Reply(self, asked))
            except ConnectionError:
                self.close_connection = True  # clients may leave

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
    server.daemon_threads = True  # connections are kept open, and nobody waits for them
    serving = OpenAIServer(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- what it can be told --------------------------------------------------------------------------


def status(code: int, body: object = None, **headers: str) -> Told:
    """Refuse the request."""
    return lambda reply: reply.json(body or {"error": {"message": "no"}}, code, **headers)


def streams(*events: object) -> Told:
    """Send these events, and the end."""

    def stream(reply: Reply) -> None:
        reply.stream()
        for event in events:
            reply.event(event)
        reply.end()

    return stream


def chat_chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of a completion."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def says(*texts: str, finish_reason: str = "stop", **usage: Any) -> Told:
    """Answer a chat with text, and with usage if there is any."""
    chunks = [*(chat_chunk(content=text) for text in texts), chat_chunk(finish_reason)]
    return streams(*chunks, *([{"choices": [], "usage": usage}] if usage else []))


# --- what it does by itself -----------------------------------------------------------------------


def _models(reply: Reply) -> None:
    reply.json({"object": "list", "data": [{"id": name} for name in MODELS]})


def _chat(reply: Reply) -> None:
    body = reply.asked.body
    choice = body.get("tool_choice", "auto")
    limit = body.get("max_tokens", 100)
    if choice == "required" or isinstance(choice, dict):
        forced = choice["function"]["name"] if isinstance(choice, dict) else None
        name = forced or body["tools"][0]["function"]["name"]
        call = {"index": 0, "id": "call_1", "function": {"name": name, "arguments": ""}}
        more = {"index": 0, "function": {"arguments": '{"city": "Oslo"}'}}
        chunks = [
            chat_chunk(role="assistant", tool_calls=[call]),
            chat_chunk(tool_calls=[more]),
            chat_chunk("tool_calls"),
        ]
        tokens = 8
    else:
        words = ["You", " said", ": ", body["messages"][-1]["content"]]
        tokens = min(limit, len(words))
        reason = "length" if limit < len(words) else "stop"
        chunks = [chat_chunk(role="assistant", content="")]
        chunks += [chat_chunk(content=word) for word in words[:limit]]
        chunks += [chat_chunk(reason)]
    usage = {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": 12 + tokens}
    streams(*chunks, {"choices": [], "usage": usage})(reply)


def _transcribe(reply: Reply) -> None:
    heard = np.frombuffer(reply.asked.file[44:], "<i2")  # after the header of a WAV file
    text = "Hello there." if np.abs(heard).max(initial=0) > 100 else ""
    if reply.asked.body.get("stream") != "true":
        reply.json({"text": text})
        return
    tokens = ["Hello", " there", "."] if text else []
    events: list[dict[str, Any]] = [
        {"type": "transcript.text.delta", "delta": token, "logprobs": _sure(token)}
        for token in tokens
    ]
    streams(*events, {"type": "transcript.text.done", "text": text, "logprobs": _sure(*tokens)})(
        reply
    )


def _sure(*tokens: str) -> list[dict[str, Any]]:
    return [{"token": one, "logprob": -0.1, "bytes": list(one.encode())} for one in tokens]


def _speak(reply: Reply) -> None:
    body = reply.asked.body
    spoken_ms = len(body["input"]) * MS_PER_CHARACTER / body["speed"]
    samples = round(spoken_ms * RATE_HZ / 1000)
    tone = 8000 * np.sin(np.arange(samples) / 20)
    pcm = tone.astype("<i2").tobytes()
    reply.stream("audio/pcm")
    for start in range(0, len(pcm), 4801):  # an odd number of bytes, as networks have it
        reply.send(pcm[start : start + 4801])
    reply.end(done=False)


_USUAL: dict[str, Told] = {
    "/models": _models,
    "/chat/completions": _chat,
    "/audio/transcriptions": _transcribe,
    "/audio/speech": _speak,
    "/audio/voices": lambda reply: reply.json({"voices": ["polly", {"id": "pete"}]}),
}


def _form(content_type: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """The fields of a multipart form, and its file."""
    header = f"Content-Type: {content_type}\r\n\r\n".encode()
    fields: dict[str, Any] = {}
    file = b""
    for part in BytesParser().parsebytes(header + data).walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not isinstance(name, str):
            continue
        if part.get_filename():
            file = content
        else:
            fields[name] = content.decode()
    return fields, file
