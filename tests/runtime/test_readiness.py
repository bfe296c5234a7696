import pytest

from antiphon.runtime.readiness import Obstacle, Phase, Readiness

FULL = Obstacle(code="server_full", message="64 sessions.")
STORE = Obstacle(code="store_failing", message="The disk is full.", weight="warns")


@pytest.mark.parametrize(
    ("phase", "codes"),
    [
        (Phase.LOADING, ["server_loading"]),
        (Phase.SERVING, []),
        (Phase.DRAINING, ["server_draining"]),
    ],
)
def test_a_server_is_ready_while_it_serves(phase, codes):
    readiness = Readiness(phase)
    assert [one.code for one in readiness.obstacles()] == codes
    assert readiness.ready == (not codes)


def test_its_parts_are_asked_each_time():
    readiness = Readiness(Phase.SERVING)
    found = [FULL]
    readiness.depend_on(lambda: found[0] if found else None)
    assert not readiness.ready
    found.clear()
    assert readiness.ready


def test_what_only_the_operator_can_mend_is_told_and_keeps_nobody_away():
    readiness = Readiness(Phase.SERVING)
    readiness.depend_on(lambda: STORE)
    assert readiness.ready
    assert readiness.obstacles() == [STORE]
