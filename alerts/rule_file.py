"""Reads rule files: YAML in, packs out, and every error with file, line and remedy."""

import json
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from alerts.rules import Pack

RULE_FILE_BYTES_MAX = 4_000_000


class RuleFileError(Exception):
    """A rule file that is refused; `problems` has (file, line, text) for each error found."""

    def __init__(self, problems: list[tuple[str, int, str]]) -> None:
        super().__init__("\n".join(f"{file}:{line}: {text}" for file, line, text in problems))
        self.problems = problems


def load_packs(paths: Iterable[Path]) -> list[Pack]:
    """Return the packs of several files. Raises RuleFileError with the problems of all of them."""
    texts = []
    for path in paths:
        try:
            if path.stat().st_size > RULE_FILE_BYTES_MAX:
                raise RuleFileError([(str(path), 1, f"larger than {RULE_FILE_BYTES_MAX} bytes; split the pack")])
            texts.append((str(path), path.read_bytes().decode("utf-8")))
        except OSError as error:
            raise RuleFileError([(str(path), 0, f"cannot be read: {error.strerror}")]) from None
        except UnicodeDecodeError as error:
            raise RuleFileError([(str(path), 0, f"byte {error.start} is not UTF-8; save the file as UTF-8")]) from None
    return parse_packs(texts)


def default_packs() -> list[Pack]:
    """Return the packs that come with Lifeline."""
    folder = resources.files("alerts") / "packs"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return parse_packs([(name, (folder / name).read_text("utf-8")) for name in names])


def parse_packs(texts: Iterable[tuple[str, str]]) -> list[Pack]:
    """Return the packs of (file name, YAML text) pairs. Raises RuleFileError."""
    packs, problems = [], []
    for file, text in texts:
        try:
            packs.append(_parse(file, text))
        except RuleFileError as error:
            problems += error.problems
    owners: dict[str, str] = {}
    for pack in packs:
        for name in (f"pack {pack.pack}", *(f"rule {rule.rule}" for rule in pack.rules)):
            if name in owners:
                problems.append((pack.pack, 1, f"{name} stands in pack {owners[name]} too; ids are single"))
            owners[name] = pack.pack
    if problems:
        raise RuleFileError(problems)
    return packs


def schema() -> dict[str, Any]:
    """Return the JSON schema of a rule file, as published."""
    return Pack.model_json_schema()


def _parse(file: str, text: str) -> Pack:
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            raise RuleFileError([(file, 1, "the file is empty; a pack needs pack, description and rules")])
        _refuse_repeated_keys(file, node)
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RuleFileError([(file, line, f"not YAML: {error.problem or error.context}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RuleFileError([(file, 1, f"not YAML: {error}")]) from None
    try:
        # Through JSON, so that YAML's dates and other types that no field has are refused as such.
        return Pack.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise RuleFileError([_problem(file, node, item) for item in error.errors()]) from None
    except (TypeError, ValueError) as error:
        raise RuleFileError([(file, 1, f"not a rule file: {error}")]) from None


def _problem(file: str, node: yaml.Node, item: Any) -> tuple[str, int, str]:
    location = item["loc"]
    line = _line_of(node, location)
    place = ".".join(str(part) for part in location)
    text = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        text = f"unknown field {location[-1]!r}; leave it out or correct its name"
    elif item["type"] == "missing":
        text = f"field {location[-1]!r} is missing; add it"
    return file, line, f"{place}: {text}" if place else text


def _line_of(node: yaml.Node, location: Sequence[str | int]) -> int:
    """Follow the location into the YAML tree as far as it goes (a union's tag has no node) and return that line."""
    line = node.start_mark.line + 1
    for part in location:
        following = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, following = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            following = node.value[part]
            line = following.start_mark.line + 1
        if following is not None:
            node = following
    return line


def _refuse_repeated_keys(file: str, node: yaml.Node) -> None:
    todo, seen_nodes = [node], set()
    while todo:
        current = todo.pop()
        if id(current) in seen_nodes:
            continue
        seen_nodes.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            todo += current.value
        elif isinstance(current, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in current.value:
                if key.value in keys:
                    line = key.start_mark.line + 1
                    raise RuleFileError([(file, line, f"field {key.value!r} stands twice; leave one")])
                keys.add(key.value)
                todo.append(value)


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which could make a small file endless."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken; write it out", mark)
        return super().compose_node(parent, index)
