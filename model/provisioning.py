"""What an import would change: each new and each changed thing with its fields, what stays, and every error by line."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class FieldChange(msgspec.Struct, frozen=True):
    """One field of a thing that changes; None for one that is not set."""

    field: str
    old: Any
    new: Any


class Change(msgspec.Struct, frozen=True):
    """A city, sensor, node or link that is new (`fields` is empty) or whose fields change."""

    thing: str
    id: str
    fields: tuple[FieldChange, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether there was no such thing before."""
        return not self.fields


class Plan(msgspec.Struct):
    """What an import would do. `left_alone` are those in the database that the file does not name."""

    changes: list[Change] = []
    unchanged: int = 0
    left_alone: int = 0
    problems: list[tuple[int, str]] = []
    notes: list[str] = []

    def add(self, thing: str, identifier: str, old: msgspec.Struct | None, new: msgspec.Struct) -> bool:
        """Note what becomes of one thing; return whether it has to be written."""
        if old is None:
            self.changes.append(Change(thing, identifier))
            return True
        fields = tuple(differences(old, new))
        if fields:
            self.changes.append(Change(thing, identifier, fields))
        else:
            self.unchanged += 1
        return bool(fields)

    def count(self, *, new: bool) -> int:
        """How many things are new, or how many are changed."""
        return sum(change.is_new == new for change in self.changes)


class ImportRefused(Exception):
    """An import that is refused whole; `problems` has a (line, text) for each error found, line 0 where it has none."""

    def __init__(self, problems: Iterable[tuple[int, str]], source: str = "") -> None:
        self.problems = sorted(problems)
        shown = [f"{source}:{line}: {text}" if line and source else text for line, text in self.problems[:20]]
        if len(self.problems) > len(shown):
            shown.append(f"… and {len(self.problems) - len(shown)} more; --dry-run lists them all")
        super().__init__("\n".join(shown))


def differences(old: msgspec.Struct, new: msgspec.Struct) -> Iterable[FieldChange]:
    """Yield the fields in which two structs of a type differ; of a mapping, each of its entries as a field."""
    for name in old.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            for key in dict.fromkeys([*before, *after]):
                if before.get(key) != after.get(key):
                    yield FieldChange(key, before.get(key), after.get(key))
        elif before != after:
            yield FieldChange(name, before, after)
