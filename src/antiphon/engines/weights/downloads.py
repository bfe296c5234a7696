"""Downloads by HTTP that continue where an earlier one broke off."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from antiphon.engines.weights.incoming import Incoming, SourceError
from antiphon.engines.weights.progress import Progress

if TYPE_CHECKING:
    import httpx2

__all__ = ["CONNECT_TIMEOUT_S", "Downloads"]

CONNECT_TIMEOUT_S = 5.0
"""How long a host has to answer at all before the next source is tried."""

_READ_TIMEOUT_S = 30.0


class Downloads:
    """What one fetch downloads. Hosts that cannot be reached are asked only once."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._client: httpx2.Client | None = None
        self._unreachable_hosts: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            self._client.close()

    def download(
        self, url: str, incoming: Incoming, headers: Mapping[str, str] | None = None
    ) -> None:
        """Fill an incoming file.

        Args:
            url: Where it is. Redirects are followed; ``Authorization`` stays with the first host.
            incoming: Where to put it.
            headers: To be sent with the request.

        Raises:
            SourceError: The server cannot be used. What came of the file may be kept.
            WrongBytesError: It sent something else.
        """
        host = urlsplit(url).netloc
        if host in self._unreachable_hosts:
            raise SourceError(self._unreachable_hosts[host])
        resumed = incoming.size_bytes > 0
        self._progress.begin(f"{incoming.name} from {host}", incoming.total_bytes)
        try:
            if incoming.size_bytes < incoming.total_bytes:
                self._receive(url, incoming, headers or {})
            if resumed and not incoming.is_right:  # its beginning may have come from elsewhere
                incoming.restart()
                self._receive(url, incoming, headers or {})
        finally:
            self._progress.end()

    def _receive(self, url: str, incoming: Incoming, headers: Mapping[str, str]) -> None:
        """Append what the server has, from where the part ends (RFC 9110, section 14.2)."""
        try:
            import httpx2  # noqa: PLC0415 (an optional requirement, of the extra "local")
        except ImportError as error:
            message = "httpx2 is not installed; run: pip install 'antiphon[local]'"
            raise SourceError(message) from error

        if self._client is None:
            timeout = httpx2.Timeout(_READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            self._client = httpx2.Client(timeout=timeout, follow_redirects=True)
        # Ranges count the bytes as they are sent.
        headers = {**headers, "Accept-Encoding": "identity"}
        if incoming.size_bytes:
            headers["Range"] = f"bytes={incoming.size_bytes}-"
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                _check_answer(response, incoming)
                # As it arrives, not in larger blocks: what was received before a break counts.
                for block in response.iter_raw():
                    incoming.write(block)
                    self._progress.reach(incoming.size_bytes)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            reason = f"cannot be reached ({error})"
            self._unreachable_hosts[urlsplit(url).netloc] = reason
            raise SourceError(reason) from error
        except httpx2.HTTPError as error:
            reason = (
                f"broke off after {incoming.size_bytes} bytes ({error or type(error).__name__})"
            )
            raise SourceError(reason) from error


def _check_answer(response: httpx2.Response, incoming: Incoming) -> None:
    content_range = response.headers.get("content-range", "")
    if response.status_code == 200:  # the whole file, whether or not a range was asked for
        incoming.restart()
    elif response.status_code != 206 or not content_range.startswith(
        f"bytes {incoming.size_bytes}-"
    ):
        message = f"answered {response.status_code} {response.reason_phrase} {content_range}"
        raise SourceError(message.rstrip())
