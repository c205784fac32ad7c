"""Reads YAML files that people write into pydantic models, every error with file, line and remedy."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

YAML_BYTES_MAX = 4_000_000

Model = TypeVar("Model", bound=BaseModel)


class YamlFileError(Exception):
    """A file that is refused; `problems` has (file, line, text) for each error found."""

    def __init__(self, problems: list[tuple[str, int, str]]) -> None:
        super().__init__("\n".join(f"{file}:{line}: {text}" for file, line, text in problems))
        self.problems = problems


def read_text(path: Path) -> str:
    """Return the text of a file. Raises YamlFileError where it cannot be read, is too large or is not UTF-8."""
    try:
        if path.stat().st_size > YAML_BYTES_MAX:
            raise YamlFileError([(str(path), 1, f"larger than {YAML_BYTES_MAX} bytes; split it")])
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise YamlFileError([(str(path), 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise YamlFileError([(str(path), 0, f"byte {error.start} is not UTF-8; save the file as UTF-8")]) from None


def parse_model(file: str, text: str, model: type[Model], empty: str) -> Model:
    """Return the model that a YAML text holds; `empty` is what to say of an empty one. Raises YamlFileError."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            raise YamlFileError([(file, 1, empty)])
        _refuse_repeated_keys(file, node)
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlFileError([(file, line, f"not YAML: {error.problem or error.context}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise YamlFileError([(file, 1, f"not YAML: {error}")]) from None
    try:
        # Through JSON, so that YAML's dates and other types that no field has are refused as such.
        return model.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise YamlFileError([_problem(file, node, item) for item in error.errors()]) from None
    except (TypeError, ValueError) as error:
        raise YamlFileError([(file, 1, f"not such a file: {error}")]) from None


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
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    raise YamlFileError([(file, line, "a field's name must be a word, not a list or a mapping")])
                if key.value in keys:
                    raise YamlFileError([(file, line, f"field {key.value!r} stands twice; leave one")])
                keys.add(key.value)
                todo.append(value)


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which could make a small file endless."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken; write it out", mark)
        return super().compose_node(parent, index)
