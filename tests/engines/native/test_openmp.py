"""The operator's word on spinning counts more than ours."""

from __future__ import annotations

import os

import pytest

from antiphon.engines.native.openmp import spin_briefly


@pytest.mark.parametrize(("before", "after"), [(None, "1000"), ("7", "7")])
def test_threads_spin_briefly_unless_the_operator_says_otherwise(monkeypatch, before, after):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if before:
        monkeypatch.setenv("GOMP_SPINCOUNT", before)
    spin_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == after
