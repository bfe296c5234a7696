import pytest

from antiphon.engines.catalogue import HubSource
from antiphon.engines.weights.hub_library import Hub, HubFile
from antiphon.engines.weights.incoming import SourceError
from tests.engines.hub_stand_in import COMMIT

REPO = "someone/tiny-model"
LISTING = f"/api/models/{REPO}/revision/main?blobs=true"
SOURCE = HubSource(REPO, COMMIT, "model.gguf")


def test_a_listing_has_the_commit_the_licence_and_the_hashes_that_the_hub_knows(hub):
    hub.offer(REPO, {"model.gguf": b"weights", "config.json": b"{}"}, large=["model.gguf"])
    repo = Hub().listing(REPO, "main")
    assert (repo.commit, repo.licence) == (COMMIT, "mit")
    large, small = repo.files
    assert large.sha256 is not None
    assert small == HubFile("config.json", 2)


@pytest.mark.parametrize(
    "name", ["../model.gguf", "/etc/model.gguf", "a/../../b", "C:model", "a\\b", "a//b", "a\n"]
)
def test_a_file_outside_of_the_repository_is_none_that_can_be_fetched(hub, name):
    fine = {"rfilename": "model.gguf", "size": 1}
    hub.offer_listing(REPO, [{"rfilename": name, "size": 1}, fine])
    repo = Hub().listing(REPO, "main")
    assert repo.files == (HubFile("model.gguf", 1),)
    assert repo.impossible == (name,)


def test_a_listing_that_makes_no_sense_is_refused(hub):
    hub.offer_listing(REPO, [{"rfilename": "model.gguf", "size": -1}])
    with pytest.raises(SourceError, match="lists what cannot be fetched"):
        Hub().listing(REPO, "main")


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (
            401,
            "GatedRepo",
            rf"accepted its publisher's terms: do so at .*/{REPO}, and set HF_TOKEN",
        ),
        (401, "RepoNotFound", "has no repository 'someone/tiny-model' .* HF_TOKEN"),
        (404, "RevisionNotFound", "no revision 'main'"),
        (503, "", "answered 503 Service Unavailable"),
    ],
)
def test_refusals_say_what_to_do(hub, status, code, reason):
    hub.refuse(LISTING, status, code)
    with pytest.raises(SourceError, match=reason):
        Hub().listing(REPO, "main")


def test_a_file_that_is_not_there_is_named(hub):
    hub.refuse(f"/{REPO}/resolve/{COMMIT}/model.gguf", 404, "EntryNotFound")
    with pytest.raises(SourceError, match=r"no file 'model\.gguf'"):
        Hub().locate(SOURCE)
