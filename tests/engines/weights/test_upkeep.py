import hashlib

from antiphon.engines.catalogue import Entry, UrlSource, WeightFile
from antiphon.engines.weights.store import missing_files, path_of
from antiphon.engines.weights.upkeep import damaged_files, remove
from tests.engines.weights.test_store import leave_part, left_behind


def file_of(content):
    source = UrlSource("https://example.org/nowhere")
    return WeightFile("a.bin", len(content), hashlib.sha256(content).hexdigest(), (source,))


def entry_of(name, *contents):
    files = {f"file{number}": file_of(content) for number, content in enumerate(contents)}
    return Entry(role="transcriber", name=name, engine="moonshine", files=files)


def have(home, *contents):
    for content in contents:
        path = path_of(file_of(content), home)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)


TINY = entry_of("tiny", b"tiny", b"shared")
BASE = entry_of("base", b"base", b"shared")


def test_files_that_were_changed_are_told_and_missing_ones_are_not(tmp_path):
    have(tmp_path, b"tiny")
    assert damaged_files(TINY, tmp_path) == ()
    path = path_of(file_of(b"tiny"), tmp_path)
    path.write_bytes(b"Tiny")
    assert damaged_files(TINY, tmp_path) == (path,)


def test_what_is_removed_leaves_nothing(tmp_path):
    have(tmp_path, b"tiny", b"shared")
    assert remove([TINY], [TINY, BASE], tmp_path) == len(b"tiny" + b"shared")
    assert left_behind(tmp_path) == []
    assert list((tmp_path / "weights").iterdir()) == [tmp_path / "weights" / ".lock"]


def test_what_was_begun_is_removed_as_well(tmp_path):
    leave_part(file_of(b"tiny"), tmp_path, b"ti")
    assert remove([TINY], [TINY], tmp_path) == 2
    assert left_behind(tmp_path) == []


def test_files_stay_that_others_need(tmp_path):
    have(tmp_path, b"tiny", b"base", b"shared")
    assert remove([TINY], [TINY, BASE], tmp_path) == len(b"tiny")
    assert missing_files(BASE, tmp_path) == ()
    assert remove([BASE], [TINY, BASE], tmp_path) == len(b"base" + b"shared")
    assert left_behind(tmp_path) == []


def test_those_removed_together_do_not_hold_each_others_files(tmp_path):
    have(tmp_path, b"tiny", b"base", b"shared")
    remove([TINY, BASE], [TINY, BASE], tmp_path)
    assert left_behind(tmp_path) == []
