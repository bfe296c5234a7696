"""Compares two types in their neutral form, recursively."""

from collections import Counter

from .shapes import Field, Object, Shape, merged

SERVER = "sent by the server"
CLIENT = "sent by the client"

WE_LACK = "we lack it"
SDK_LACKS = "the SDK lacks it"
WE_REQUIRE = "we require it, the SDK does not"
SDK_REQUIRES = "the SDK requires it, we do not"
MAY_LEAVE_OUT = "we may leave it out"
WE_REFUSE_NULL = "the SDK may send null, we refuse it"
WE_SEND_NULL = "we may send null"

Difference = tuple[str, str, str]
"""Direction, path, and what differs there."""


def differences(direction: str, sdk: Shape, ours: Shape) -> set[Difference]:
    """Return every point on which two types do not agree."""
    comparison = _Comparison(direction)
    comparison.compare("", sdk, ours)
    return comparison.found


class _Comparison:
    def __init__(self, direction: str) -> None:
        self.found: set[Difference] = set()
        self._direction = direction
        self._seen: set[tuple[tuple[int, ...], tuple[str, ...]]] = set()

    def compare(self, path: str, sdk: Shape, ours: Shape) -> None:
        for problem in value_problems(self._direction, sdk, ours):
            self._note(path, problem)
        if sdk.items is not None and ours.items is not None:
            self.compare(f"{path}[]", sdk.items, ours.items)
        for theirs, own in components(sdk.objects, ours.objects):
            if not own:
                self._note(path, f"we lack {_joined(theirs)}")
            elif not theirs:
                self._note(path, f"the SDK lacks {_joined(own)}")
            else:
                self._compare_objects(theirs, own)

    def _compare_objects(self, theirs: list[Object], own: list[Object]) -> None:
        key = tuple(id(o.kind) for o in theirs), tuple(o.name for o in own)
        if key in self._seen:
            return
        self._seen.add(key)
        sdk_fields, our_fields = merged_fields(theirs), merged_fields(own)
        for name in sdk_fields.keys() | our_fields.keys():
            path = f"{_joined(own)}.{name}"
            if name not in our_fields:
                self._note(path, WE_LACK)
            elif name not in sdk_fields:
                self._note(path, SDK_LACKS)
            else:
                self._compare_fields(path, sdk_fields[name], our_fields[name])

    def _compare_fields(self, path: str, sdk: Field, ours: Field) -> None:
        for problem in presence_problems(self._direction, sdk, ours):
            self._note(path, problem)
        self.compare(path, sdk.shape, ours.shape)

    def _note(self, path: str, problem: str) -> None:
        self.found.add((self._direction, path, problem))


def _joined(objects: list[Object]) -> str:
    return "|".join(sorted(o.name for o in objects))


def value_problems(direction: str, sdk: Shape, ours: Shape) -> list[str]:
    """Say which values one side knows and the other does not."""
    if "any" in sdk.kinds:
        return []
    problems = []
    sdk_kinds, our_kinds = open_kinds(sdk) - {"null"}, open_kinds(ours) - {"null"}
    if sdk_kinds != our_kinds:
        problems.append(f"SDK {sorted(sdk_kinds)}, ours {sorted(our_kinds)}")
    if sdk_kinds == our_kinds and sdk.literals != ours.literals and "string" not in sdk_kinds:
        problems.append(f"values {sorted(map(str, sdk.literals ^ ours.literals))}")
    if direction == SERVER and "null" in ours.kinds and "null" not in sdk.kinds:
        problems.append(WE_SEND_NULL)
    return problems


def open_kinds(shape: Shape) -> set[str]:
    """Return the kinds of values; a type that takes any string has no use for its literals."""
    kinds = set(shape.kinds)
    if "string" in kinds:
        kinds.discard("literal string")
    return kinds


def presence_problems(direction: str, sdk: Field, ours: Field) -> list[str]:
    if direction == SERVER:
        return [MAY_LEAVE_OUT] if sdk.required and not ours.always_sent else []
    problems = []
    if sdk.required and not ours.required:
        problems.append(SDK_REQUIRES)
    if ours.required and not sdk.required:
        problems.append(WE_REQUIRE)
    if sdk.null and not ours.null:
        problems.append(WE_REFUSE_NULL)
    return problems


def components(sdk: list[Object], ours: list[Object]) -> list[tuple[list[Object], list[Object]]]:
    """Pair the objects of two unions by their ``type``.

    One side may have one class where the other has several, so all that share a tag, directly or
    through others, are compared as one. Objects without a tag are compared with each other.
    """
    rest = [(o, True) for o in sdk] + [(o, False) for o in ours]
    result = []
    while rest:
        group, rest = [rest[0]], rest[1:]
        grown = True
        while grown:
            tags = frozenset[str]().union(*(o.tags for o, _ in group))
            joined = [each for each in rest if each[0].tags & tags or not (each[0].tags or tags)]
            rest = [each for each in rest if each not in joined]
            group += joined
            grown = bool(joined)
        result.append(
            ([o for o, is_sdk in group if is_sdk], [o for o, is_sdk in group if not is_sdk])
        )
    return result


def merged_fields(objects: list[Object]) -> dict[str, Field]:
    tables = [o.fields() for o in objects]
    counts = Counter(name for table in tables for name in table)
    return {
        name: Field(
            merged(table[name].shape for table in tables if name in table),
            required=count == len(tables) and all(table[name].required for table in tables),
            always_sent=count == len(tables) and all(table[name].always_sent for table in tables),
            null=any(table[name].null for table in tables if name in table),
        )
        for name, count in counts.items()
    }
