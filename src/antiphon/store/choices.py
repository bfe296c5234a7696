"""What the operator decides about what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from antiphon.engines.choices import ENVIRONMENT, from_environment
from antiphon.errors import ConfigurationError
from antiphon.wire.refusal import InvalidFieldError

__all__ = ["DEFAULT_FILE", "KeepPolicy", "StoreChoice"]

KeepPolicy = Literal["everything", "no_content", "nothing"]
"""What is kept of responses and conversations: with what was said, without, or nothing of them."""

DEFAULT_FILE = "antiphon.db"
"""The database, unless another is named."""

_SCHEMES = ("sqlite", "postgresql")

_Positive = Annotated[int, Meta(ge=1)]


class StoreChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of responses and conversations, where, and for how long.

    Attributes:
        url: The database: ``sqlite:///file.db`` (four slashes for an absolute path) or
            ``postgresql://user:password@host/name``; ``None`` for a file in the server's home,
            or in the user's data folder where that is the cache folder. Text that begins with
            ``env:`` stands for the variable that it names.
        keep: ``everything``; ``no_content``, which is everything without what was said and
            written: no words, no arguments and outputs of tools, no audio; or ``nothing``.
        audio: Whether the audio is kept as well, as FLAC: some 1 MB for each minute that somebody
            speaks.
        max_age_days: How long anything is kept; ``None`` for ever.
        max_size_mb: How large the database may become, in units of 1,000,000 bytes: beyond, the
            oldest goes. In PostgreSQL what counts is what is kept, without indexes. ``None`` for
            any size.

    Raises:
        InvalidFieldError: The URL is of another database, or the choices contradict each other.
    """

    url: str | None = None
    keep: KeepPolicy = "everything"
    audio: bool = False
    max_age_days: _Positive | None = None
    max_size_mb: _Positive | None = None

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(ENVIRONMENT):
            _check_url(self.url)
        if self.audio and self.keep != "everything":
            message = (
                f"Invalid '{{param}}': audio cannot be kept where keep is '{self.keep}'. Leave one "
                "of them out."
            )
            raise InvalidFieldError("audio", message)

    def location(self, home: Path) -> str:
        """Return the URL of the database.

        Args:
            home: Where the server keeps what it cannot fetch again.

        Raises:
            ConfigurationError: The variable that holds it is not set, or holds none.
        """
        if self.url is None:
            return f"sqlite:///{home / DEFAULT_FILE}"
        url = str(from_environment("store.url", self.url))
        try:
            _check_url(url)
        except InvalidFieldError as error:
            raise ConfigurationError(error.message.replace("{param}", self.url)) from None
        return url


def _check_url(url: str) -> None:
    """Check that a URL is of a database that is known.

    The message does not repeat the URL, which may have a password in it.
    """
    scheme = urlsplit(url).scheme
    if scheme not in _SCHEMES:
        message = (
            f"Invalid '{{param}}': the URL begins with '{scheme}:', and databases are known that "
            "begin with sqlite: and postgresql:, for example sqlite:////var/lib/antiphon.db or "
            "postgresql://user:password@host/antiphon."
        )
        raise InvalidFieldError("url", message)
    if scheme == "sqlite" and not url.startswith("sqlite:///"):
        message = (
            "Invalid '{param}': the URL of a SQLite file has three slashes before its path, and a "
            "fourth if it is absolute: sqlite:////var/lib/antiphon.db."
        )
        raise InvalidFieldError("url", message)
