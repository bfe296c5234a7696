import hashlib
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from antiphon.engines.catalogue import Entry, UrlSource, WeightFile
from antiphon.engines.weights.store import default_home, fetch, fetch_all, missing_files, path_of
from antiphon.errors import WeightsError
from tests.engines.local_server import local_server

CONTENT = bytes(range(256)) * 40
OTHER_CONTENT = b"other" * 2_000


class Told:
    """Progress that remembers what it was told."""

    def __init__(self):
        self.begun = []
        self.reached = []
        self.notes = []
        self.ended = 0

    def begin(self, title, total_bytes):
        self.begun.append((title, total_bytes))

    def reach(self, done_bytes):
        self.reached.append(done_bytes)

    def end(self):
        self.ended += 1

    def note(self, line):
        self.notes.append(line)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server():
    with local_server() as served:
        yield served


def file_of(*urls, content=CONTENT, name="model.bin"):
    sources = tuple(UrlSource(url) for url in urls)
    return WeightFile(name, len(content), hashlib.sha256(content).hexdigest(), sources)


def entry_of(*files):
    keyed = {f"file{number}": file for number, file in enumerate(files)}
    return Entry(role="transcriber", name="tiny", engine="moonshine", files=keyed)


def left_behind(home):
    """Everything under the home but the lock."""
    return sorted(path.name for path in home.rglob("*") if path.is_file() and path.name != ".lock")


def leave_part(file, home, content):
    path = path_of(file, home)
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".part").write_bytes(content)


def unreachable_host():
    """An address where nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_files_come_by_their_keys_and_nothing_else_is_left(server, tmp_path):
    first = file_of(server.put("/a", CONTENT), name="encoder.ort")
    second = file_of(server.put("/b", OTHER_CONTENT), content=OTHER_CONTENT, name="decoder.ort")
    files = fetch(entry_of(first, second), tmp_path, Told())
    assert {key: path.read_bytes() for key, path in files.items()} == {
        "file0": CONTENT,
        "file1": OTHER_CONTENT,
    }
    assert left_behind(tmp_path) == ["decoder.ort", "encoder.ort"]


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    entry = entry_of(file_of(server.put("/a", CONTENT)))
    fetch(entry, tmp_path, Told())
    told = Told()
    fetch(entry, tmp_path, told)
    assert len(server.requests) == 1
    assert told.begun == told.notes == []


def test_progress_runs_from_begin_to_the_whole_size(server, tmp_path):
    told = Told()
    fetch(entry_of(file_of(server.put("/a", CONTENT))), tmp_path, told)
    host = server.address.removeprefix("http://")
    assert told.begun == [(f"model.bin from {host}", len(CONTENT))]
    assert told.reached[-1] == len(CONTENT)
    assert told.ended == 1


def test_redirects_are_followed(server, tmp_path):
    target = server.put("/elsewhere", CONTENT)
    entry = entry_of(file_of(server.put("/a", b"", location=target)))
    assert fetch(entry, tmp_path, Told())["file0"].read_bytes() == CONTENT


def test_an_interrupted_download_is_continued_where_it_broke_off(server, tmp_path):
    entry = entry_of(file_of(server.put("/a", CONTENT, breaks_off_at=3_000)))
    with pytest.raises(WeightsError, match="broke off after 3000 bytes"):
        fetch(entry, tmp_path, Told())
    assert left_behind(tmp_path) == ["model.bin.part"]
    assert fetch(entry, tmp_path, Told())["file0"].read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/a", "bytes=3000-")]
    assert left_behind(tmp_path) == ["model.bin"]


def test_a_download_is_continued_by_another_source(server, tmp_path):
    broken = server.put("/a", CONTENT, breaks_off_at=3_000)
    entry = entry_of(file_of(broken, server.put("/b", CONTENT)))
    assert fetch(entry, tmp_path, Told())["file0"].read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/b", "bytes=3000-")]


def test_a_server_without_ranges_sends_everything_again(server, tmp_path):
    file = file_of(server.put("/a", CONTENT, ranges=False))
    leave_part(file, tmp_path, CONTENT[:5_000])
    assert fetch(entry_of(file), tmp_path, Told())["file0"].read_bytes() == CONTENT
    assert server.requests == [("/a", "bytes=5000-")]


@pytest.mark.parametrize("part", [b"wrong" * 100, CONTENT[:-1] + b"x", CONTENT + b"more"])
def test_a_part_that_cannot_be_continued_is_thrown_away(server, tmp_path, part):
    file = file_of(server.put("/a", CONTENT))
    leave_part(file, tmp_path, part)
    assert fetch(entry_of(file), tmp_path, Told())["file0"].read_bytes() == CONTENT


def test_a_part_that_was_complete_needs_no_server(server, tmp_path):
    file = file_of(server.put("/a", b""))
    leave_part(file, tmp_path, CONTENT)
    assert fetch(entry_of(file), tmp_path, Told())["file0"].read_bytes() == CONTENT
    assert server.requests == []


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (CONTENT[:-1] + b"x", "not the 10240 bytes with "),
        (CONTENT[:-1], "it sent 10239 bytes"),
        (CONTENT + b"x", "it sent more than the 10240 bytes"),
    ],
)
def test_wrong_bytes_are_refused_and_not_kept(server, tmp_path, sent, reason):
    entry = entry_of(file_of(server.put("/a", sent)))
    with pytest.raises(WeightsError, match=reason):
        fetch(entry, tmp_path, Told())
    assert left_behind(tmp_path) == []
    assert missing_files(entry, tmp_path) == tuple(entry.files.values())


def test_after_wrong_bytes_the_next_source_begins_anew(server, tmp_path):
    wrong = server.put("/a", b"x" * len(CONTENT))
    entry = entry_of(file_of(wrong, server.put("/b", CONTENT)))
    assert fetch(entry, tmp_path, Told())["file0"].read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/b", None)]


def test_a_source_that_fails_is_named_and_the_next_one_is_tried(server, tmp_path):
    told = Told()
    missing = f"{server.address}/missing"
    fetch(entry_of(file_of(missing, server.put("/b", CONTENT))), tmp_path, told)
    assert told.notes == [f"model.bin: {missing}: answered 404 Not Found"]


def test_a_host_that_cannot_be_reached_is_asked_once(server, tmp_path):
    host = unreachable_host()
    first = file_of(f"{host}/a", server.put("/a", CONTENT))
    second = file_of(f"{host}/b", server.put("/b", OTHER_CONTENT), content=OTHER_CONTENT)
    told = Told()
    fetch_all([entry_of(first), entry_of(second)], tmp_path, told)
    attempts = [title for title, _ in told.begun if title.endswith(host.removeprefix("http://"))]
    assert len(attempts) == 1
    assert len([note for note in told.notes if "cannot be reached" in note]) == 2


def test_when_all_sources_fail_the_error_says_why_and_how_to_help_oneself(server, tmp_path):
    host = unreachable_host()
    file = file_of(f"{host}/a", f"{server.address}/gone")
    with pytest.raises(WeightsError) as failure:
        fetch(entry_of(file), tmp_path, Told())
    message = str(failure.value)
    assert f"{host}/a: cannot be reached" in message
    assert f"{server.address}/gone: answered 404" in message
    assert file.sha256 in message
    assert str(path_of(file, tmp_path)) in message
    assert left_behind(tmp_path) == []


def test_a_damaged_file_is_replaced_only_when_asked_to_verify(server, tmp_path):
    entry = entry_of(file_of(server.put("/a", CONTENT)))
    path = fetch(entry, tmp_path, Told())["file0"]
    path.write_bytes(b"x" * len(CONTENT))
    fetch(entry, tmp_path, Told())
    assert path.read_bytes() == b"x" * len(CONTENT)
    told = Told()
    fetch(entry, tmp_path, told, verify=True)
    assert path.read_bytes() == CONTENT
    assert "is damaged" in told.notes[0]


FETCH = """
import sys
from pathlib import Path
from antiphon.engines.weights.progress import PlainProgress
from antiphon.engines.weights.store import fetch
from tests.engines.weights.test_store import entry_of, file_of
fetch(entry_of(file_of(sys.argv[1])), Path(sys.argv[2]), PlainProgress(sys.stdout))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="each process has a home of its own there")
def test_of_two_processes_at_once_one_downloads_and_the_other_waits(server, tmp_path):
    first_asked, second_waits = threading.Event(), threading.Event()

    def hold_the_first():
        first_asked.set()
        second_waits.wait(60)

    url = server.put("/a", CONTENT, before=hold_the_first)
    command = [sys.executable, "-c", FETCH, url, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as first:
        assert first_asked.wait(60)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            said = second.stdout.readline()
            second_waits.set()
            assert said == "Another process is fetching weights; waiting for it\n"
            assert second.stdout.read() == ""
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(server.requests) == 1
    assert path_of(file_of(url), tmp_path).read_bytes() == CONTENT


def test_weights_that_do_not_fit_are_refused_before_anything_is_downloaded(server, tmp_path):
    endless = WeightFile("model.bin", 10**18, "0" * 64, (UrlSource(server.put("/a", CONTENT)),))
    with pytest.raises(WeightsError, match=r"need 1000000000000.0 MB, but .* ANTIPHON_HOME"):
        fetch(entry_of(endless), tmp_path, Told())
    assert server.requests == []


def test_of_a_file_that_is_partly_there_the_rest_has_to_fit(server, tmp_path, monkeypatch):
    file = file_of(server.put("/a", CONTENT))
    leave_part(file, tmp_path, CONTENT[:10_000])
    room = shutil._ntuple_diskusage(10**9, 10**9 - 1_000, 1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    (path,) = fetch(entry_of(file), tmp_path, Told()).values()
    assert path.read_bytes() == CONTENT


def test_a_home_that_cannot_be_written_is_named(server, tmp_path):
    not_a_folder = tmp_path / "file"
    not_a_folder.touch()
    with pytest.raises(WeightsError, match=f"Cannot write weights under {not_a_folder}"):
        fetch(entry_of(file_of(server.put("/a", CONTENT))), not_a_folder, Told())


def test_the_home_is_the_users_choice_or_the_cache_folder(monkeypatch):
    monkeypatch.setenv("ANTIPHON_HOME", "~/models")
    assert default_home() == Path.home() / "models"
    monkeypatch.delenv("ANTIPHON_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert default_home() == Path("/var/caches/antiphon")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_home() == Path.home() / ".cache" / "antiphon"


def test_another_hash_is_another_place(tmp_path):
    assert path_of(file_of(content=CONTENT), tmp_path) != path_of(
        file_of(content=OTHER_CONTENT), tmp_path
    )
