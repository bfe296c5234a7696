"""Each defence that ``docs/security.md`` claims has the test that is named there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [
    line.strip("|").split("|")
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| attack |"))
]


def test_every_attack_has_a_defence_and_a_test():
    assert len(ROWS) > 40
    for attack, defence, test in ROWS:
        assert attack.strip()
        assert defence.strip()
        assert re.fullmatch(r" `tests/[\w/]+\.py::test_\w+` ", test), test


@pytest.mark.parametrize("test", [row[2].strip(" `") for row in ROWS])
def test_the_test_is_there(test):
    path, _, name = test.partition("::")
    parsed = ast.parse((ROOT / path).read_text())
    functions = (
        node for node in parsed.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert name in {function.name for function in functions}
