from antiphon.runtime.telemetry.labels import OTHER, Few


def test_the_first_labels_pass_and_stay():
    few = Few(limit=2)
    assert [few.label(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]
