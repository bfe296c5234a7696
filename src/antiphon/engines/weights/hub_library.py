"""What Antiphon asks of the Hugging Face hub, by way of its own library.

The library knows where the hub is (``HF_ENDPOINT``), who asks (``HF_TOKEN``, or whoever logged in),
whether anybody may be asked (``HF_HUB_OFFLINE``), what it has cached itself (``HF_HOME``), and what
the hub's refusals mean. The files themselves are not downloaded by it but by
``downloads.py``: it begins anew after an interruption, and asks a host that cannot be reached for
24 s. It is imported only while fetching.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from antiphon.engines.catalogue import CommitHash, HubSource, RelativePath, Sha256
from antiphon.engines.weights.downloads import CONNECT_TIMEOUT_S
from antiphon.engines.weights.incoming import SourceError

__all__ = ["Hub", "HubFile", "HubRepo"]


class HubFile(Struct, frozen=True):
    """A file as the hub lists it.

    Attributes:
        path: Where it is in its repository.
        bytes: Its exact size.
        sha256: Its hash; ``None`` for small files, for which the hub gives none.
    """

    path: RelativePath
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Sha256 | None = None


class HubRepo(Struct, frozen=True):
    """A repository at one revision.

    Attributes:
        commit: What the revision stands for.
        licence: As its publisher calls it; empty if it says nothing.
        files: All files but those.
        impossible: Names that no file here may have, for example one with a colon.
    """

    commit: CommitHash
    licence: str
    files: tuple[HubFile, ...]
    impossible: tuple[str, ...] = ()


class Hub:
    """The hub as one fetch sees it. If it cannot be reached, it is asked only once."""

    def __init__(self) -> None:
        self._unreachable = ""

    def cached(self, source: HubSource) -> Path | None:
        """Where the hub's own library has a file already, if it does."""
        try:
            from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 (see above)
        except ImportError:
            return None
        path = try_to_load_from_cache(source.repo, source.file, revision=source.revision)
        return Path(path) if isinstance(path, str) else None

    def locate(self, source: HubSource) -> tuple[str, Mapping[str, str]]:
        """Where a file can be downloaded, and the headers to send there.

        Raises:
            SourceError: The hub cannot be reached, does not have it, or does not let us have it.
        """
        with self._in_words(source.repo, source.revision, source.file):
            from huggingface_hub import get_hf_file_metadata, hf_hub_url  # noqa: PLC0415
            from huggingface_hub.utils import (  # type: ignore[attr-defined]  # noqa: PLC0415
                build_hf_headers,  # documented, though not in __all__
            )

            url = hf_hub_url(source.repo, source.file, revision=source.revision)
            headers = build_hf_headers(library_name="antiphon")
            # The download would fail as well, but not say why.
            get_hf_file_metadata(url, headers=headers, timeout=CONNECT_TIMEOUT_S)
            return url, headers

    def listing(self, repo: str, revision: str) -> HubRepo:
        """What a repository holds.

        Raises:
            SourceError: The hub cannot be reached, has no such repository or revision, does not
                let us see it, or says of a file what cannot be.
        """
        with self._in_words(repo, revision):
            from huggingface_hub import HfApi  # noqa: PLC0415

            info = HfApi(library_name="antiphon").model_info(
                repo, revision=revision, files_metadata=True, timeout=CONNECT_TIMEOUT_S
            )
        siblings = info.siblings or ()
        impossible = [file.rfilename for file in siblings if not _is_possible(file.rfilename)]
        files = [
            {"path": file.rfilename, "bytes": file.size, "sha256": file.lfs and file.lfs.sha256}
            for file in siblings
            if file.rfilename not in impossible
        ]
        licence = info.card_data.license if info.card_data else ""
        about = {
            "commit": info.sha,
            "licence": licence or "",
            "files": files,
            "impossible": impossible,
        }
        try:
            return msgspec.convert(about, HubRepo)
        except msgspec.ValidationError as error:
            message = f"lists what cannot be fetched: {error}"
            raise SourceError(message) from error

    @contextmanager
    def _in_words(self, repo: str, revision: str = "", file: str = "") -> Iterator[None]:
        """Turn what the library raises into reasons."""
        if self._unreachable:
            raise SourceError(self._unreachable)
        try:
            import httpx2  # noqa: PLC0415 (what the library asks with, and lets fail through)
            from huggingface_hub import constants, errors  # noqa: PLC0415
        except ImportError as error:
            message = "huggingface_hub is not installed; run: pip install 'antiphon[local]'"
            raise SourceError(message) from error
        # Otherwise it tells what it runs in, and asks for a list of programs to look out for.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        try:
            yield
        except errors.OfflineModeIsEnabled as error:
            message = "HF_HUB_OFFLINE is set, so the hub cannot be asked"
            raise SourceError(message) from error
        except errors.GatedRepoError as error:
            message = (
                f"is for those only who accepted its publisher's terms: do so at "
                f"{constants.ENDPOINT}/{repo}, and set HF_TOKEN to a token of yours"
            )
            raise SourceError(message) from error
        except errors.RepositoryNotFoundError as error:
            message = (
                f"the hub has no repository {repo!r} that everyone may see; if it is private, set "
                "HF_TOKEN to a token that may read it"
            )
            raise SourceError(message) from error
        except errors.RevisionNotFoundError as error:
            raise SourceError(f"the repository has no revision {revision!r}") from error
        except errors.EntryNotFoundError as error:
            raise SourceError(f"the repository has no file {file!r}") from error
        except errors.HfHubHTTPError as error:
            answer = error.response
            raise SourceError(f"answered {answer.status_code} {answer.reason_phrase}") from error
        except httpx2.TransportError as error:
            self._unreachable = (
                f"{constants.ENDPOINT} cannot be reached ({error or type(error).__name__})"
            )
            raise SourceError(self._unreachable) from error


def _is_possible(name: str) -> bool:
    """Whether a file of a repository may be kept here under the name that it has there."""
    try:
        msgspec.convert(name, RelativePath)
    except msgspec.ValidationError:
        return False
    return True
