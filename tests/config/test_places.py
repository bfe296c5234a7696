import sys
from pathlib import Path

import pytest

from antiphon.config.places import data_home
from antiphon.engines.weights.store import default_home

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="folders of Linux")


def test_a_home_that_was_chosen_has_the_data_too(monkeypatch):
    monkeypatch.setenv("ANTIPHON_HOME", "/srv/antiphon")
    assert data_home(default_home()) == Path("/srv/antiphon")


def test_data_is_never_in_the_cache_folder(monkeypatch):
    monkeypatch.delenv("ANTIPHON_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/ann/cache")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/ann/data")
    assert default_home() == Path("/home/ann/cache/antiphon")
    assert data_home(default_home()) == Path("/home/ann/data/antiphon")
