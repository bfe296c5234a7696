"""Reads golden files: what a client and the engines do, and exactly what has to come of it.

A file holds scenarios. Each begins with its title and then goes line by line::

    == A spoken turn
    session {"modality": "audio"}                           settings it begins with
    > response.create {"response": {"input": []}}           the client sends
    ! text $answer "Hello"                                  the engines or the microphone do
    < response.created {"response": {"id": "$answer"}}      the server sends, before anything else
    = start $answer                                         the runtime is asked to

Everything that came of a ``>`` or ``!`` line has to be listed below it, in order. Of a frame's
fields only those of interest are given; whether its keys are complete is checked elsewhere. A
``$name`` stands for an id: the first time it takes the id that it meets, from then on it is that
id, and no other name is. Lines that begin with ``#`` are for the reader.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Names", "Scenario", "Step", "scenarios"]

_MARKS = "><!="


class Line(NamedTuple):
    """One line of a scenario.

    Attributes:
        mark: ``>``, ``<``, ``!`` or ``=``.
        head: Event type or verb.
        rest: What follows it, unread.
        number: For people who look for it.
    """

    mark: str
    head: str
    rest: str
    number: int

    @property
    def fields(self) -> dict[str, Any]:
        """The rest as JSON."""
        found: dict[str, Any] = json.loads(self.rest) if self.rest else {}
        return found

    @property
    def words(self) -> list[str]:
        """The rest as words, quoted as in a shell."""
        return shlex.split(self.rest)


class Step(NamedTuple):
    """Something that is done, and all that has to come of it."""

    done: Line | None
    expected: list[Line]


class Scenario(NamedTuple):
    """One golden order."""

    name: str
    settings: dict[str, Any]
    steps: list[Step]


def scenarios(folder: Path) -> Iterator[Scenario]:
    """Yield the scenarios of all files in a folder."""
    for path in sorted(folder.glob("*.txt")):
        for block in path.read_text().split("\n== ")[1:]:
            yield _scenario(path.stem, block.splitlines())


def _scenario(topic: str, lines: list[str]) -> Scenario:
    title, *body = lines
    settings: dict[str, Any] = {}
    steps = [Step(None, [])]
    for number, text in enumerate(body, start=2):
        mark, _, rest = text.strip().partition(" ")
        if mark == "session":
            settings = json.loads(rest)
        elif mark in _MARKS and mark:
            line = Line(mark, *_split(rest), number)
            if mark in "<=":
                steps[-1].expected.append(line)
            else:
                steps.append(Step(line, []))
        elif mark and not mark.startswith("#"):
            message = f"{topic}: {title}: line {number} begins with none of {_MARKS}: {text!r}"
            raise ValueError(message)
    return Scenario(f"{topic}: {title}", settings, steps)


def _split(rest: str) -> tuple[str, str]:
    head, _, tail = rest.strip().partition(" ")
    return head, tail.strip()


class Names:
    """Which id each ``$name`` stands for."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def filled_in(self, value: Any) -> Any:
        """Return a value with its names replaced by ids."""
        if isinstance(value, dict):
            return {key: self.filled_in(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.filled_in(one) for one in value]
        if isinstance(value, str) and value.startswith("$"):
            return self._ids[value]
        return value

    def match(self, expected: Any, actual: Any, path: str) -> None:
        """Check that a value has everything that is expected of it.

        Raises:
            AssertionError: It has not.
        """
        if isinstance(expected, dict):
            assert isinstance(actual, dict), f"{path} is {actual!r}"
            for key, one in expected.items():
                assert key in actual, f"{path} has no '{key}'"
                self.match(one, actual[key], f"{path}.{key}")
        elif isinstance(expected, list):
            assert isinstance(actual, list), f"{path} is {actual!r}"
            assert len(actual) == len(expected), f"{path} is {actual!r}"
            for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
                self.match(one, other, f"{path}[{index}]")
        elif isinstance(expected, str) and expected.startswith("$"):
            self._match_name(expected, actual, path)
        else:
            assert actual == expected, f"{path} is {actual!r}"

    def _match_name(self, name: str, actual: Any, path: str) -> None:
        if name not in self._ids:
            assert actual not in self._ids.values(), f"{path} is {actual!r}, which is not new"
            self._ids[name] = actual
        assert actual == self._ids[name], f"{path} is {actual!r}, not {name}"
