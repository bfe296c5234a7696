"""Libraries that want one folder get one, wherever the files are."""

from __future__ import annotations

import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.ears.model_folder import model_folder
from antiphon.errors import EngineError


def test_files_of_different_folders_are_together(tmp_path):
    files = {}
    for name in ("model.bin", "config.json"):
        path = tmp_path / name.replace(".", "_") / name
        path.parent.mkdir()
        path.write_text(f"content of {name}")
        files[name] = path
    with model_folder(EngineSettings(name="mine", files=files), "transcribe") as folder:
        assert {path.name: path.read_text() for path in folder.iterdir()} == {
            "model.bin": "content of model.bin",
            "config.json": "content of config.json",
        }
    assert not folder.exists()
    assert all(path.exists() for path in files.values())


def test_the_operators_own_folder_is_taken_as_it_is(tmp_path):
    settings = EngineSettings(name="mine", files={"model": tmp_path})
    with model_folder(settings, "transcribe") as folder:
        assert folder == tmp_path
    assert tmp_path.exists()


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    path = tmp_path / "model.bin"
    path.touch()
    settings = EngineSettings(name="mine", files={"model": path})
    with pytest.raises(EngineError, match=r"model\.bin is none"), model_folder(settings, "detect"):
        pass


def test_no_files_are_refused():
    settings = EngineSettings(name="mine")
    with (
        pytest.raises(EngineError, match="write the folder's path"),
        model_folder(settings, "detect"),
    ):
        pass
