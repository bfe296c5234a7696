import hashlib

import pytest

from antiphon.engines.catalogue import (
    Entry,
    HubSource,
    PathSource,
    UrlSource,
    WeightFile,
    WheelPart,
    WheelSource,
)
from antiphon.engines.weights.sources import name_of
from antiphon.engines.weights.store import fetch, fetch_all
from antiphon.errors import WeightsError
from tests.engines.hub_stand_in import COMMIT, hub_settings
from tests.engines.weights.test_store import Told, left_behind, unreachable_host

CONTENT = bytes(range(256)) * 40
REPO = "someone/tiny-model"


def hub_source(file="model.gguf"):
    return HubSource(REPO, COMMIT, file)


def entry_of(*sources, content=CONTENT, name="model.gguf"):
    file = WeightFile(name, len(content), hashlib.sha256(content).hexdigest(), sources)
    return Entry(role="language_model", name="tiny", engine="llama", files={"model": file})


def test_a_file_comes_from_the_hub_by_way_of_its_storage(hub, tmp_path):
    hub.offer(REPO, {"model.gguf": CONTENT}, large=["model.gguf"])
    files = fetch(entry_of(hub_source()), tmp_path / "home", Told())
    assert files["model"].read_bytes() == CONTENT
    assert left_behind(tmp_path / "home") == ["model.gguf"]


def test_nothing_but_the_file_is_asked_of_the_hub(hub, tmp_path):
    hub.offer(REPO, {"model.gguf": CONTENT})
    fetch(entry_of(hub_source()), tmp_path / "home", Told())
    assert {path for path, _ in hub.server.authorizations} == {
        f"/{REPO}/resolve/{COMMIT}/model.gguf"
    }


def test_an_interrupted_download_is_continued_where_it_broke_off(hub, tmp_path):
    hub.offer(REPO, {"model.gguf": CONTENT}, large=["model.gguf"])
    ((address, page),) = hub.storage.pages.items()
    page.breaks_off_at = 3_000
    entry = entry_of(hub_source())
    with pytest.raises(WeightsError, match="broke off after 3000 bytes"):
        fetch(entry, tmp_path / "home", Told())
    assert fetch(entry, tmp_path / "home", Told())["model"].read_bytes() == CONTENT
    assert hub.storage.requests == [(address, None), (address, "bytes=3000-")]


def test_a_token_is_shown_to_the_hub_and_not_to_its_storage(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.offer(REPO, {"model.gguf": CONTENT}, large=["model.gguf"])
    fetch(entry_of(hub_source()), tmp_path / "home", Told())
    assert {shown for _, shown in hub.server.authorizations} == {"Bearer hf_secret"}
    assert {shown for _, shown in hub.storage.authorizations} == {None}


def put_into_the_hubs_own_cache(tmp_path, content):
    folder = tmp_path / "hub-cache" / "hub" / "models--someone--tiny-model" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(content)


def test_what_the_hubs_own_library_has_is_not_downloaded_again(hub, monkeypatch, tmp_path):
    put_into_the_hubs_own_cache(tmp_path, CONTENT)
    with hub_settings(monkeypatch, HF_HUB_OFFLINE="1"):
        files = fetch(entry_of(hub_source()), tmp_path / "home", Told())
    assert files["model"].read_bytes() == CONTENT
    assert hub.server.authorizations == []


@pytest.mark.parametrize("damaged", [CONTENT[:-1] + b"x", CONTENT + b"x", b""])
def test_instead_of_a_damaged_file_of_the_hubs_own_library_a_new_one_is_fetched(
    hub, tmp_path, damaged
):
    put_into_the_hubs_own_cache(tmp_path, damaged)
    hub.offer(REPO, {"model.gguf": CONTENT})
    files = fetch(entry_of(hub_source()), tmp_path / "home", Told())
    assert files["model"].read_bytes() == CONTENT


def test_a_file_of_this_machine_is_copied(tmp_path):
    (tmp_path / "here.bin").write_bytes(CONTENT)
    source = PathSource(str(tmp_path / "here.bin"))
    files = fetch(entry_of(source), tmp_path / "home", Told())
    assert files["model"].read_bytes() == CONTENT
    assert (tmp_path / "here.bin").exists()


def test_a_file_of_this_machine_that_is_not_as_it_should_be_is_refused(tmp_path):
    (tmp_path / "here.bin").write_bytes(CONTENT[::-1])
    sources = [PathSource(str(tmp_path / name)) for name in ("here.bin", "absent.bin")]
    with pytest.raises(WeightsError) as refusal:
        fetch(entry_of(*sources), tmp_path / "home", Told())
    assert f"{tmp_path}/here.bin: it sent 10240 bytes with sha256" in str(refusal.value)
    assert f"{tmp_path}/absent.bin: it cannot be read (No such file" in str(refusal.value)
    assert left_behind(tmp_path / "home") == []


def test_offline_nothing_is_asked_and_the_next_source_is_tried(hub, monkeypatch, tmp_path):
    entry = entry_of(hub_source(), UrlSource(hub.storage.put("/mirror", CONTENT)))
    told = Told()
    with hub_settings(monkeypatch, HF_HUB_OFFLINE="1"):
        fetch(entry, tmp_path / "home", told)
    assert told.notes == [
        f"model.gguf: hf:{REPO}/model.gguf: HF_HUB_OFFLINE is set, so the hub cannot be asked"
    ]
    assert hub.server.authorizations == []


def test_a_hub_that_cannot_be_reached_is_asked_once(hub, monkeypatch, tmp_path):
    mirror = UrlSource(hub.storage.put("/mirror", CONTENT))
    other = UrlSource(hub.storage.put("/other", CONTENT[::-1]))
    entries = [
        entry_of(hub_source("a"), mirror),
        entry_of(hub_source("b"), other, content=CONTENT[::-1]),
    ]
    told = Told()
    host = unreachable_host()
    with hub_settings(monkeypatch, HF_ENDPOINT=host):
        fetch_all(entries, tmp_path / "home", told)
    first, second = told.notes
    assert f"hf:{REPO}/a: {host} cannot be reached" in first
    assert first.partition("hf:")[2][len(REPO) + 2 :] == second.partition("hf:")[2][len(REPO) + 2 :]


def test_sources_are_called_by_what_people_know_them_by():
    assert name_of(UrlSource("https://example.org/a.bin")) == "https://example.org/a.bin"
    assert name_of(PathSource("/models/a.bin")) == "/models/a.bin"
    assert name_of(HubSource(REPO, COMMIT, "a.bin")) == f"hf:{REPO}/a.bin"
    parts = [WheelPart("one==1", "a"), WheelPart("two==1", "b")]
    assert name_of(WheelSource(tuple(parts[:1]))) == "one==1"
    assert name_of(WheelSource(tuple(parts))) == "one==1 … two==1"
