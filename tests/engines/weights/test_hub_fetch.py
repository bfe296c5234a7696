import pytest

from antiphon.engines.weights.hub import Reference, known_references, local_path_of
from antiphon.engines.weights.hub_fetch import damaged_of, fetch_reference, forget
from antiphon.errors import ConfigurationError, WeightsError
from tests.engines.hub_stand_in import LATER_COMMIT, hub_settings
from tests.engines.weights.test_store import Told, left_behind, unreachable_host

REPO = "someone/tiny-model"
FILES = {
    "model.gguf": b"gguf" * 1_000,
    "split-00001-of-00002.gguf": b"1" * 100,
    "split-00002-of-00002.gguf": b"2" * 100,
    "voices/joe.onnx": b"onnx" * 1_000,
    "voices/joe.onnx.json": b"{}",
    "voices/amy.onnx": b"amy" * 1_000,
    "empty.txt": b"",
    ".gitattributes": b"*.gguf filter=lfs",
}
LARGE = [path for path in FILES if path.endswith((".gguf", ".onnx"))]


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _offered(hub):
    hub.offer(REPO, FILES, large=LARGE)


def fetched(home):
    """What lies in the folders of repositories, by its path there."""
    folder = home / "weights" / "hub" / REPO
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {"/".join(path.parts[1:]): (folder / path).read_bytes() for path in files}


def belonging(*paths):
    return {path: FILES[path] for path in paths}


@pytest.mark.parametrize(
    ("reference", "paths"),
    [
        ("model.gguf", ["model.gguf"]),
        ("split-00001-of-00002.gguf", ["split-00001-of-00002.gguf", "split-00002-of-00002.gguf"]),
        ("voices/joe.onnx", ["voices/joe.onnx", "voices/joe.onnx.json"]),
        ("voices", ["voices/joe.onnx", "voices/joe.onnx.json", "voices/amy.onnx"]),
    ],
)
def test_a_reference_fetches_what_it_names_and_what_belongs_to_it(home, reference, paths):
    path = fetch_reference(f"hf:{REPO}/{reference}", home, Told())
    assert fetched(home) == belonging(*paths)
    assert path == local_path_of(f"hf:{REPO}/{reference}", home)
    assert path.exists()


def test_a_name_that_no_file_may_have_is_refused_where_it_is_asked_for(hub, home):
    wanted = {path: len(FILES[path]) for path in ("voices/joe.onnx", "voices/joe.onnx.json")}
    siblings = {**wanted, "voices/a:b": 1}.items()
    hub.offer_listing(REPO, [{"rfilename": name, "size": size} for name, size in siblings])
    for reference in ("", "/voices"):
        with pytest.raises(WeightsError, match="under the name 'voices/a:b'"):
            fetch_reference(f"hf:{REPO}{reference}", home, Told())
    assert left_behind(home) == []
    fetch_reference(f"hf:{REPO}/voices/joe.onnx", home, Told())
    assert fetched(home) == belonging(*wanted)


def test_a_whole_repository_comes_without_its_hidden_files(home):
    fetch_reference(f"hf:{REPO}", home, Told())
    assert fetched(home) == {path: content for path, content in FILES.items() if path[0] != "."}


def test_once_fetched_it_is_there_without_the_hub(hub, home, monkeypatch):
    path = fetch_reference(f"hf:{REPO}/model.gguf", home, Told())
    with hub_settings(monkeypatch, HF_HUB_OFFLINE="1"):
        assert fetch_reference(f"hf:{REPO}/model.gguf", home, Told()) == path
    assert len(hub.downloads()) == 1


def test_it_means_the_same_bytes_when_its_branch_has_moved_on(hub, home):
    path = fetch_reference(f"hf:{REPO}/model.gguf", home, Told())
    hub.offer(REPO, {"model.gguf": b"new"}, commit=LATER_COMMIT)
    path.unlink()
    fetch_reference(f"hf:{REPO}/model.gguf", home, Told())
    assert path.read_bytes() == FILES["model.gguf"]


def test_after_it_was_removed_it_means_what_is_new(hub, home):
    fetch_reference(f"hf:{REPO}/model.gguf", home, Told())
    hub.offer(REPO, {"model.gguf": b"new"}, commit=LATER_COMMIT)
    forget(Reference(REPO, "model.gguf"), home)
    assert fetch_reference(f"hf:{REPO}/model.gguf", home, Told()).read_bytes() == b"new"


def test_bytes_that_are_not_those_of_the_first_fetch_are_refused(hub, home):
    path = fetch_reference(f"hf:{REPO}/voices/joe.onnx.json", home, Told())
    path.unlink()
    hub.offer(REPO, {"voices/joe.onnx.json": b"[]"})
    with pytest.raises(WeightsError, match=r"it sent 2 bytes with sha256 .* not the 2 bytes with"):
        fetch_reference(f"hf:{REPO}/voices/joe.onnx.json", home, Told())
    assert fetched(home) == {}


def test_a_first_fetch_that_broke_off_is_continued(hub, home):
    ((address, page),) = (
        (address, page)
        for address, page in hub.storage.pages.items()
        if page.body == FILES["model.gguf"]
    )
    page.breaks_off_at = 1_000
    with pytest.raises(WeightsError, match="broke off after 1000 bytes"):
        fetch_reference(f"hf:{REPO}/model.gguf", home, Told())
    assert known_references(home) == {}
    fetch_reference(f"hf:{REPO}/model.gguf", home, Told())
    assert hub.storage.requests == [(address, None), (address, "bytes=1000-")]


def test_a_file_that_another_reference_brought_is_not_fetched_again(hub, home):
    fetch_reference(f"hf:{REPO}/voices/joe.onnx", home, Told())
    fetch_reference(f"hf:{REPO}/voices", home, Told())
    names = [name for name, _ in hub.downloads()]
    assert sorted(names) == ["amy.onnx", "joe.onnx", "joe.onnx.json"]


def test_a_path_that_the_repository_does_not_have_is_named(home):
    with pytest.raises(WeightsError, match=r"the repository has no nowhere\.gguf"):
        fetch_reference(f"hf:{REPO}/nowhere.gguf", home, Told())
    assert left_behind(home) == []


def test_a_hub_that_cannot_be_reached_is_named_with_what_to_do_instead(home, monkeypatch):
    host = unreachable_host()
    with (
        hub_settings(monkeypatch, HF_ENDPOINT=host),
        pytest.raises(
            WeightsError, match=f"{host} cannot be reached .*\n.*name their path instead"
        ),
    ):
        fetch_reference(f"hf:{REPO}/model.gguf", home, Told())


def test_files_that_were_changed_are_told(home):
    path = fetch_reference(f"hf:{REPO}/voices/joe.onnx", home, Told())
    ((reference, known),) = known_references(home).items()
    assert damaged_of(reference, known, home) == ()
    path.write_bytes(b"xxxx" * 1_000)
    assert damaged_of(reference, known, home) == (path,)


def test_removing_leaves_what_other_references_name(home):
    fetch_reference(f"hf:{REPO}/voices/joe.onnx", home, Told())
    fetch_reference(f"hf:{REPO}/voices", home, Told())
    freed_bytes = forget(Reference(REPO, "voices"), home)
    assert freed_bytes == len(FILES["voices/amy.onnx"])
    assert fetched(home) == belonging("voices/joe.onnx", "voices/joe.onnx.json")
    forget(Reference(REPO, "voices/joe.onnx"), home)
    assert left_behind(home) == ["known.json"]
    assert [path.name for path in (home / "weights" / "hub").iterdir()] == ["known.json"]


def test_what_was_not_fetched_cannot_be_removed(home):
    with pytest.raises(ConfigurationError, match="has not been fetched"):
        forget(Reference(REPO), home)
