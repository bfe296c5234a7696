from pathlib import Path

import pytest

from antiphon.core.diagram import page
from antiphon.core.response import TRANSITIONS, Input, State

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "response-states.md"


def test_the_page_in_the_manual_is_the_table_as_it_stands() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        f"run `python -m antiphon.core.diagram {PAGE.relative_to(PAGE.parents[2])}`"
    )


@pytest.mark.parametrize(("before", "happened"), TRANSITIONS)
def test_every_move_is_an_arrow(before: State, happened: Input) -> None:
    after = TRANSITIONS[before, happened]
    assert f"    {before.value} --> {after.value}: {happened.value}\n" in page()


def test_only_final_states_lead_out() -> None:
    for state in State:
        leads_out = f"{state.value} --> [*]" in page()
        assert leads_out == (state not in {State.WAITING, State.ACTIVE})
