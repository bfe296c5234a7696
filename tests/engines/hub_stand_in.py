"""The Hugging Face hub as far as its library asks it, on this machine and with small files."""

import hashlib
import importlib
import json
from contextlib import contextmanager
from dataclasses import dataclass

import huggingface_hub.constants

from tests.engines.local_server import LocalServer, Page, local_server

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER_COMMIT = "fedcba9876543210fedcba9876543210fedcba98"


@dataclass
class HubStandIn:
    """Repositories on two hosts: the hub itself, and the one that large files are kept by.

    Attributes:
        server: The hub; its address is that of ``HF_ENDPOINT``.
        storage: Where large files are redirected to.
    """

    server: LocalServer
    storage: LocalServer

    def offer(self, repo, files, *, commit=COMMIT, licence="mit", large=()):
        """Offer a repository, whose branch ``main`` is at this commit from now on."""
        for path, content in files.items():
            self._offer_file(repo, commit, path, content, is_large=path in large)
        siblings = [
            {"rfilename": path, "size": len(content), "blobId": "0" * 40}
            | ({"lfs": _pointer(content)} if path in large else {})
            for path, content in files.items()
        ]
        self.offer_listing(repo, siblings, commit=commit, licence=licence)

    def offer_listing(self, repo, siblings, *, commit=COMMIT, licence="mit"):
        """Answer with these files when the repository is listed."""
        listing = {"id": repo, "sha": commit, "siblings": siblings}
        listing["cardData"] = {"license": licence}
        page = Page(json.dumps(listing).encode(), content_type="application/json")
        for revision in ("main", commit):
            self.server.pages[f"/api/models/{repo}/revision/{revision}?blobs=true"] = page

    def refuse(self, path, status, code):
        """Refuse a path with one of the hub's own codes."""
        self.server.pages[path] = Page(status=status, headers={"X-Error-Code": code})

    def downloads(self):
        """The files that were asked for, in order, each with the range that was wanted."""
        return [
            (path.rpartition("/")[2], asked_range)
            for path, asked_range in self.server.requests
            if "/resolve/" in path
        ]

    def _offer_file(self, repo, commit, path, content, *, is_large):
        headers = {"X-Repo-Commit": commit}
        address = f"/{repo}/resolve/{commit}/{path}"
        if not is_large:
            self.server.put(address, content, headers=headers | {"ETag": f'"{"0" * 40}"'})
            return
        sha256 = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        location = self.storage.put(f"/{sha256}", content)
        self.server.put(address, b"", headers=headers, location=location)


def _pointer(content):
    return {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "pointerSize": 134,
    }


@contextmanager
def hub_stand_in(monkeypatch, tmp_path):
    """Stand in for the hub until the context ends, for this process and those that it starts."""
    with local_server() as server, local_server() as storage:
        unset = ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE")
        with hub_settings(
            monkeypatch,
            HF_ENDPOINT=server.address,
            HF_HOME=str(tmp_path / "hub-cache"),
            NO_PROXY="*",
            **dict.fromkeys(unset),
        ):
            yield HubStandIn(server, storage)


@contextmanager
def hub_settings(monkeypatch, **variables):
    """Set variables, or unset them, and have the hub's library read them, as it does only once."""
    try:
        with monkeypatch.context() as environment:
            for name, value in variables.items():
                if value is None:
                    environment.delenv(name, raising=False)
                else:
                    environment.setenv(name, value)
            importlib.reload(huggingface_hub.constants)
            yield
    finally:
        importlib.reload(huggingface_hub.constants)
