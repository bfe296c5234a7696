from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from anyio.streams.stapled import StapledObjectStream
from anyio.streams.tls import TLSAttribute, TLSStream
from cryptography import x509
from openai import AsyncOpenAI

from antiphon.config import TlsChoice
from antiphon.errors import ConfigurationError
from antiphon.http.tls import Certificate
from tests.support.certificates import made, trusting
from tests.support.server import SdkClient, Served, running_server


@asynccontextmanager
async def talking(server: Served, tls: TlsChoice) -> AsyncIterator[SdkClient]:
    """Open a session by TLS with the official SDK."""
    port = urlsplit(server.url).port
    openai = AsyncOpenAI(base_url=f"https://localhost:{port}/v1", api_key="any")
    options: Any = {"ssl": trusting(tls)}
    async with openai.realtime.connect(
        model="antiphon", websocket_connection_options=options
    ) as connection:
        client = SdkClient(connection)
        await client.until("session.created")
        yield client
    await openai.close()


async def test_the_official_sdk_talks_by_tls(tmp_path):
    tls = made(tmp_path)
    async with running_server(tls=tls) as server:
        assert server.url.startswith("https://127.0.0.1:")
        async with talking(server, tls) as client:
            assert (await client.ask("Hello?"))["status"] == "completed"


async def test_answers_by_tls_tell_browsers_to_come_by_nothing_else(tmp_path):
    tls = made(tmp_path)
    async with running_server(tls=tls) as server:
        port = urlsplit(server.url).port
        async with httpx2.AsyncClient(verify=trusting(tls)) as client:
            answer = await client.get(f"https://localhost:{port}/health")
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_who_comes_without_tls_gets_nothing(tmp_path):
    async with running_server(tls=made(tmp_path)) as server:
        port = urlsplit(server.url).port
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.TransportError):
                await client.get(f"http://127.0.0.1:{port}/health")


async def test_another_certificate_is_shown_to_who_comes_after_it_was_read(tmp_path):
    first, second = made(tmp_path), made(tmp_path, "renewed")
    certificate = Certificate(first)
    assert await _shown_by(certificate, trusting(first), "localhost") == "localhost"
    certificate.reload(second)
    assert await _shown_by(certificate, trusting(second), "renewed") == "renewed"


async def test_a_certificate_that_cannot_be_used_leaves_the_one_before(tmp_path):
    first, second = made(tmp_path), made(tmp_path, "renewed")
    certificate = Certificate(first)
    with pytest.raises(ConfigurationError, match=r"renewed\.key cannot be used"):
        certificate.reload(TlsChoice(certificate=first.certificate, key=second.key))
    assert await _shown_by(certificate, trusting(first), "localhost") == "localhost"


def test_files_that_are_no_certificate_are_named_with_what_they_have_to_be(tmp_path):
    tls = made(tmp_path)
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN NOTHING-----")
    for choice in (
        TlsChoice(certificate=str(junk), key=tls.key),
        TlsChoice(certificate=str(tmp_path / "missing.pem"), key=tls.key),
        made(tmp_path, "sealed", password=b"secret"),
    ):
        with pytest.raises(ConfigurationError, match="Both have to be PEM files"):
            Certificate(choice)


async def _shown_by(certificate: Certificate, trust: ssl.SSLContext, name: str) -> str:
    """Return the name in the certificate that a client is shown."""
    near, far = (
        anyio.create_memory_object_stream[bytes](9),
        anyio.create_memory_object_stream[bytes](9),
    )
    client_end = StapledObjectStream(near[0], far[1])
    server_end = StapledObjectStream(far[0], near[1])
    shown: list[str] = []

    async def serve() -> None:
        await TLSStream.wrap(
            server_end, server_side=True, ssl_context=certificate.context, standard_compatible=False
        )

    async def connect() -> None:
        stream = await TLSStream.wrap(
            client_end, hostname=name, ssl_context=trust, standard_compatible=False
        )
        sent = stream.extra(TLSAttribute.peer_certificate_binary)
        assert sent
        peer = x509.load_der_x509_certificate(sent)
        shown.append(peer.subject.rfc4514_string().removeprefix("CN="))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        tasks.start_soon(connect)
    for stream in (*near, *far):
        await stream.aclose()
    return shown[0]
