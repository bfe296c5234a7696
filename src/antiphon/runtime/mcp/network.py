"""HTTP to addresses that may be connected to, and to no others.

httpx resolves names where it connects, a layer below what it lets others see, so this is its
transport over again with that layer replaced. A redirect that is followed is a request that is
checked like any other. Proxies of the environment are not used: with them it would be the proxy
who finds the address of a name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

from antiphon.runtime.reach import Reach

__all__ = ["ReachTransport"]

_MAX_CONNECTIONS = 32
"""To one MCP server: its stream of events, and the calls under way."""


NEXT_ADDRESS_S = 2.0
"""How long one address of several may take before the next is tried: many machines have an IPv6
address where no IPv6 leads to. Browsers wait as long at most (RFC 8305, 8)."""


class ReachTransport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 over connections of its own.

    Raises :class:`~antiphon.runtime.reach.AddressNotAllowedError` where nothing may be connected
    to, and otherwise what httpx's own transport would.

    Args:
        reach: What may be connected to.
        tls: Which certificates are trusted.
    """

    def __init__(self, reach: Reach, tls: SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_MAX_CONNECTIONS,
            network_backend=_Network(reach),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the head of its response; the body is read from the stream."""
        url = request.url
        with _failing_as_httpx():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _failing_as_httpx():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _Network(httpcore2.AsyncNetworkBackend):
    """Connects to what is within reach."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (as httpcore has it)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of a host that answers."""
        try:
            addresses = await self._reach.addresses(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        patience_s = NEXT_ADDRESS_S if timeout is None else min(timeout, NEXT_ADDRESS_S)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, patience_s, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


@contextmanager
def _failing_as_httpx() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise httpx2.TimeoutException(str(error)) from error
    except (
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.UnsupportedProtocol,
    ) as error:
        raise httpx2.TransportError(str(error)) from error
