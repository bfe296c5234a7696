import re
from pathlib import Path

from tests.deploy.exported import exported

MANUAL = Path(__file__).parents[3] / "docs" / "observability.md"


async def test_the_manual_names_all_metrics_and_no_others():
    told = set(re.findall(r"`(antiphon_[a-z_]+)`", MANUAL.read_text()))
    own = {name for name in await exported() if name.startswith("antiphon_")}
    assert told == {re.sub("_(bucket|count|sum)$", "", name) for name in own}
