"""A TLS front for clients that refuse plain connections, as a reverse proxy would be."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, SocketAttribute
from anyio.streams.tls import TLSListener, TLSStream

from tests.clients.environments import Environment

__all__ = ["make_certificates", "tls_front"]


async def make_certificates(environment: Environment, folder: Path) -> None:
    """Make an authority, ``client.pem``, and what it has signed, ``server.pem`` and ``.key``."""
    command = [environment.python, "-m", "trustme", "--quiet", "--dir", folder]
    await anyio.run_process([*map(str, command), "--identities", "127.0.0.1"])


@asynccontextmanager
async def tls_front(url: str, certificates: Path) -> AsyncIterator[str]:
    """Pass connections on to a plain server.

    Args:
        url: The server's address, ``http://host:port``.
        certificates: Folder with ``server.pem`` and ``server.key``.

    Yields:
        Where TLS is spoken, ``https://host:port``.
    """
    server = urlsplit(url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")

    async def pass_on(client: TLSStream) -> None:
        assert server.hostname is not None
        assert server.port is not None
        async with (
            client,
            await anyio.connect_tcp(server.hostname, server.port) as plain,
            anyio.create_task_group() as directions,
        ):
            directions.start_soon(_copy, client, plain, directions.cancel_scope)
            directions.start_soon(_copy, plain, client, directions.cancel_scope)

    plain_listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = plain_listener.listeners[0].extra(SocketAttribute.local_port)
    listener = TLSListener(plain_listener, context, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, pass_on)
        yield f"https://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


async def _copy(
    source: ByteReceiveStream, sink: ByteSendStream, connection: anyio.CancelScope
) -> None:
    """Copy until one end has gone, which ends the connection."""
    try:
        async for chunk in source:
            await sink.send(chunk)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass
    connection.cancel()
