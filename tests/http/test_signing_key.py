from __future__ import annotations

import stat

from antiphon.http.signing_key import KEY_BYTES, signing_key


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "secrets.key"
    key = signing_key(path)
    assert len(key) == KEY_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing_key(path) == key
    assert list(path.parent.iterdir()) == [path]


def test_keys_are_not_alike(tmp_path):
    assert signing_key(tmp_path / "one") != signing_key(tmp_path / "two")


def test_a_key_that_cannot_be_kept_lasts_as_long_as_the_process(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / "secrets.key"
    assert signing_key(path) != signing_key(path)
    assert "cannot be kept" in caplog.text
    assert "ANTIPHON_HOME" in caplog.text


def test_a_damaged_key_is_left_alone_and_reported(tmp_path, caplog):
    path = tmp_path / "secrets.key"
    path.write_bytes(b"short")
    assert len(signing_key(path)) == KEY_BYTES
    assert path.read_bytes() == b"short"
    assert f"it holds 5 bytes where a key has {KEY_BYTES}; delete it" in caplog.text
