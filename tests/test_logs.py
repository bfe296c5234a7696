import asyncio
import io
import json
import logging

import pytest
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from antiphon.logs import Trail, current_trail, follow, quoted, set_up_logs

_log = logging.getLogger("antiphon.test")


@pytest.fixture
def written():
    """What is logged; the logs are afterwards as they were."""
    root, own = logging.getLogger(), logging.getLogger("antiphon")
    forms = logging.getLogger("python_multipart")
    before = root.handlers[:], root.level, own.level, forms.level
    yield io.StringIO()
    set_up_logs()
    root.handlers[:], level, own_level, forms_level = before
    root.setLevel(level)
    own.setLevel(own_level)
    forms.setLevel(forms_level)


async def test_each_line_names_whom_it_is_about(written):
    set_up_logs("text", "info", written)

    async def serve(number: int) -> None:
        follow(Trail(request_id=f"req_{number}"))
        await asyncio.sleep(0)
        current_trail().session_id = f"sess_{number}"
        current_trail().key_name = "kiosk"
        await asyncio.create_task(work())

    async def work() -> None:
        _log.info("done")

    await asyncio.gather(serve(1), serve(2))
    _log.info("alone")
    first, second, alone = written.getvalue().splitlines()
    assert first.endswith("INFO antiphon.test: done [sess_1 req_1 kiosk]")
    assert second.endswith("[sess_2 req_2 kiosk]")
    assert alone.endswith("INFO antiphon.test: alone")


async def test_lines_for_programs_are_objects(written):
    set_up_logs("json", "info", written)
    follow(Trail(request_id="req_1"))
    _log.info("it %s", "happened", extra={"fields": {"event": "it"}})
    try:
        raise ValueError("no")
    except ValueError:
        _log.exception("a mistake")
    told, mistake = map(json.loads, written.getvalue().splitlines())
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "info",
        "logger": "antiphon.test",
        "message": "it happened",
        "request_id": "req_1",
        "event": "it",
    }
    assert "ValueError: no" in mistake["exception"]


def test_of_libraries_only_warnings_are_written(written):
    set_up_logs("text", "debug", written)
    logging.getLogger("websockets").info("authorization: Bearer sk-one")
    _log.debug("own")
    logging.getLogger("websockets").warning("broken")
    assert [line.rpartition(": ")[2] for line in written.getvalue().splitlines()] == [
        "own",
        "broken",
    ]


def test_it_can_be_changed_while_the_server_runs(written):
    set_up_logs("text", "info", written)
    set_up_logs("json", "warning", written)
    _log.info("no more")
    _log.warning("once")
    (line,) = written.getvalue().splitlines()
    assert json.loads(line)["message"] == "once"


def test_nobody_can_begin_a_line_of_his_own_or_command_a_terminal(written):
    set_up_logs("text", "info", written)
    evil = "evil\n2026-01-01 00:00:00,000 ERROR antiphon: all is lost\r\x1b[2J\x9b2J"
    _log.warning("refused a page of %s", evil)
    try:
        raise ValueError(evil)
    except ValueError:
        _log.exception("failed at %s", evil)
    text = written.getvalue()
    assert not set(text) & {"\r", "\x1b", "\x9b"}
    begun = [line for line in text.splitlines() if not line.startswith("  ")]
    assert len(begun) == 2
    assert "WARNING antiphon.test: refused a page of evil\\x0a2026" in begun[0]
    assert "ERROR antiphon.test: failed at evil\\x0a2026" in begun[1]


def test_what_other_programs_say_is_only_written_where_content_is(written):
    set_up_logs("text", "info", written)
    assert "my secret" not in quoted("cannot read 'my secret'")
    set_up_logs("text", "info", written, content=True)
    assert quoted("cannot read 'my secret'") == "cannot read 'my secret'"


def test_a_form_that_a_client_got_wrong_is_no_line(written):
    set_up_logs("text", "debug", written)
    parser = MultipartParser("edge")
    with pytest.raises(MultipartParseError):
        parser.write(b"no form")
    assert written.getvalue() == ""
