import re
import subprocess
import sys
from pathlib import Path

from antiphon.wire.reference import pages, write

MARK = "python -m antiphon.wire.reference"  # pages of other generators lie beside these
COMMITTED = Path(__file__).parents[2] / "docs" / "reference"


def test_the_committed_pages_are_the_generated_ones() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.iterdir()}
    generated_here = {name: text for name, text in committed.items() if MARK in text}
    assert generated_here == pages(), "run `python -m antiphon.wire.reference docs/reference`"


def test_the_module_writes_the_pages(tmp_path: Path) -> None:
    target = tmp_path / "new" / "reference"
    subprocess.run([sys.executable, "-m", "antiphon.wire.reference", target], check=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in target.iterdir()} == pages()


def test_every_link_leads_somewhere() -> None:
    written = pages()
    for text in written.values():
        for file_name, _, anchor in re.findall(r"\]\(([\w.-]+)(#([\w-]+))?\)", text):
            assert file_name in written
            headings = re.findall(r"^#+ (.+)$", written[file_name], re.MULTILINE)
            anchors = {re.sub(r"[^\w-]", "", heading.lower()) for heading in headings}
            assert not anchor or anchor in anchors


def test_a_row_tells_type_meaning_and_limits() -> None:
    page = pages()["ServerVad.md"]
    assert (
        "| `idle_timeout_ms` | integer or null | Silence after an answer's playback that starts a "
        "response; null: never. | at least 5000; at most 30000; default `null` |" in page
    )
    assert "| `type` | string | The kind of object. | always `server_vad` |" in page


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_every_field_is_described() -> None:
    for name, text in pages().items():
        for row in re.findall(r"^\| `\w+` \|.*$", text, re.MULTILINE):
            cells = row.replace("\\|", "").split(" | ")
            assert cells[2].strip(), f"{name}: {row}"
