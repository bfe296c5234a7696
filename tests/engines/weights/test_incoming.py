import hashlib

import pytest

from antiphon.engines.weights.incoming import Incoming, WrongBytesError

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "model.bin"


def names_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_the_right_bytes_are_moved_into_place(path):
    with Incoming(path, len(CONTENT), SHA256) as incoming:
        incoming.write(CONTENT[:3])
        incoming.write(CONTENT[3:])
        assert not path.exists()
        incoming.accept()
    assert path.read_bytes() == CONTENT
    assert names_in(path.parent) == ["model.bin"]


def test_what_was_begun_is_continued(path):
    with Incoming(path, len(CONTENT), SHA256) as incoming:
        incoming.write(CONTENT[:3])
    with Incoming(path, len(CONTENT), SHA256) as incoming:
        assert incoming.size_bytes == 3
        incoming.write(CONTENT[3:])
        incoming.accept()
    assert path.read_bytes() == CONTENT


def test_what_was_not_begun_leaves_nothing(path):
    with Incoming(path, len(CONTENT), SHA256):
        assert names_in(path.parent) == ["model.bin.part"]
    assert not path.parent.exists()


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], b"Weights"])
def test_other_bytes_are_not_accepted(path, content):
    with Incoming(path, len(CONTENT), SHA256) as incoming:
        incoming.write(content)
        with pytest.raises(WrongBytesError, match="it sent"):
            incoming.accept()
    assert not path.exists()


def test_more_bytes_than_the_file_has_are_refused_as_they_come(path):
    with (
        Incoming(path, len(CONTENT), SHA256) as incoming,
        pytest.raises(WrongBytesError, match="more than the 7 bytes"),
    ):
        incoming.write(CONTENT + b"x")


def test_of_a_file_whose_hash_nobody_knows_the_size_has_to_be_right(path):
    with Incoming(path, len(CONTENT), None) as incoming:
        incoming.write(CONTENT[:3])
        with pytest.raises(WrongBytesError):
            incoming.accept()
    with Incoming(path, len(CONTENT), None) as incoming:
        assert incoming.size_bytes == 0, "nobody knows what the part is a part of"
        incoming.write(CONTENT)
        incoming.accept()
        assert incoming.sha256 == SHA256


def test_an_empty_file_is_a_file(path):
    with Incoming(path, 0, None) as incoming:
        incoming.accept()
    assert path.read_bytes() == b""
