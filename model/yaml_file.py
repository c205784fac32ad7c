"""Reads YAML files that people write into pydantic models, every error with file, line and remedy."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.composer import Composer

YAML_BYTES_MAX = 4_000_000
LEVELS_MAX = 30  # of lists and fields within each other: the deepest file that means something has ten

# By pydantic's type of error: what is wrong and how to mend it. Types that are not here keep pydantic's own words.
_REMEDIES = {
    "extra_forbidden": "unknown field {name!r}; leave it out or correct its name",
    "missing": "field {name!r} is missing; add it",
    "union_tag_not_found": "field {discriminator} is missing; add it",
    "union_tag_invalid": "{tag!r} is not known as {discriminator}; use one of {expected_tags}",
    "finite_number": "{given} is not finite; write a number",
    "float_type": "{given} is not a number; write one, without quotes, such as 5, 0.5 or 1.0e+3",
    "int_type": "{given} is not a whole number; write one, without quotes",
    "int_from_float": "{given} is not a whole number; write one",
    "string_type": "{given} is not a text; write one, in quotes where it looks like something else",
    "bool_type": "{given} is neither true nor false; write one of them",
    "literal_error": "{given} is not known; use {expected}",
    "greater_than": "{given} is too small; give more than {gt:g}",
    "greater_than_equal": "{given} is too small; give at least {ge:g}",
    "less_than": "{given} is too large; give less than {lt:g}",
    "less_than_equal": "{given} is too large; give at most {le:g}",
    "too_short": "has too few entries; give at least {min_length}",
    "too_long": "has too many entries; give at most {max_length}",
    "string_too_short": "the text is too short; write at least {min_length} characters",
    "string_too_long": "the text is too long; write at most {max_length} characters",
    "string_pattern_mismatch": "{given} is not taken; write what fits the pattern {pattern}",
    "model_type": "{given} is not taken; write fields (name: value)",
    "model_attributes_type": "{given} is not taken; write fields (name: value)",
    "dict_type": "{given} is not taken; write fields (name: value)",
    "list_type": "{given} is not taken; write a list ([first, second])",
}
_TOO_DEEP = "lists or fields lie too deep within each other; make them flat"
_WANTS_FIELDS = {"model_type", "model_attributes_type", "dict_type"}
_WANTS_ONE_VALUE = {"finite_number", "float_type", "int_type", "string_type", "bool_type", "literal_error"}

Model = TypeVar("Model", bound=BaseModel)
Fault = tuple[tuple[str | int, ...], str]
"""A place in a file, and what is wrong there and how to mend it."""


class YamlFileError(Exception):
    """A file that is refused; `problems` has (file, line, text) for each error found."""

    def __init__(self, problems: list[tuple[str, int, str]]) -> None:
        super().__init__("\n".join(f"{file}:{line}: {text}" for file, line, text in problems))
        self.problems = problems


class InForce(BaseModel):
    """A file that is put into force as a whole: what is kept of it, and the version that names it."""

    @property
    def content(self) -> str:
        """The file as JSON, as it is kept when it comes into force, with all that is secret in it."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)

    @property
    def version(self) -> str:
        """Twelve digits of the SHA-256 of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:12]


def read_text(path: Path) -> str:
    """Return the text of a file. Raises YamlFileError where it cannot be read, is too large or is not UTF-8."""
    try:
        if path.stat().st_size > YAML_BYTES_MAX:
            raise YamlFileError([(str(path), 1, f"larger than {YAML_BYTES_MAX} bytes; split it")])
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise YamlFileError([(str(path), 0, f"cannot be read: {error.strerror}; correct its name or rights")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        text = f"byte {error.start} of the file is not UTF-8; save the file as UTF-8"
        raise YamlFileError([(str(path), line, text)]) from None


def parse_model(file: str, text: str, model: type[Model], empty: str) -> Model:
    """Return the model that a YAML text holds; `empty` is what to say of an empty one. Raises YamlFileError."""
    try:
        loader, node = _composed(text)
        if node is None:
            raise YamlFileError([(file, 1, empty)])
        _refuse_repeated_keys(file, node)
        content = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        told = "it holds two documents; make two files of them" if "document" in str(error.problem) else error.problem
        raise YamlFileError([(file, line, f"not YAML: {told or error.context}")]) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        told = f"not YAML: character {chr(error.character)!r} is not taken; leave it out"
        raise YamlFileError([(file, line, told)]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFileError([(file, 1, f"not YAML: {error}")]) from None
    try:
        # Through JSON, so that YAML's dates and other types that no field has are refused as such.
        return model.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise YamlFileError(_problems(file, node, error.errors())) from None
    except (TypeError, ValueError) as error:
        raise YamlFileError([(file, 1, f"not such a file: {error}")]) from None


def located(file: str, text: str, faults: Sequence[Fault]) -> list[tuple[str, int, str]]:
    """Return faults in a YAML text as problems of YamlFileError, each with its line or that of its nearest parent."""
    node = _composed(text)[1] if faults else None
    problems = []
    for where, told in faults:
        place = ".".join(part if (part := str(name)).isprintable() else repr(part) for name in where)
        problems.append((file, 1 if node is None else _follow(node, where)[0], f"{place}: {told}"))
    return problems


def repeated(part: str, field: str, names: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault for each name that stands a second time in the list `part`, whose entries are named by `field`."""
    for place, name in enumerate(names):
        if name in names[:place]:
            yield (part, place, field), f"{name!r} stands twice; give another name"


def _problems(file: str, node: yaml.Node, items: Iterable[Any]) -> list[tuple[str, int, str]]:
    """Return an error's items, without those of the alternatives that what is written cannot have meant."""
    found: list[tuple[tuple[str | int, ...], tuple[str, int, str]]] = []
    misfits: list[tuple[tuple[str | int, ...], tuple[str, int, str]]] = []
    for item in items:
        line, place, end = _follow(node, item["loc"])
        given = repr(item["input"])
        context = {"name": item["loc"][-1] if item["loc"] else "", "given": given[:40], **item.get("ctx", {})}
        text = str(item["msg"]).removeprefix("Value error, ")
        text = _REMEDIES[item["type"]].format(**context) if item["type"] in _REMEDIES else text
        if item["type"] == "json_invalid":
            # What YAML takes and JSON does not.
            text = 'a text has half a character ("\\ud800"); leave it out'
        elif item["type"] == "missing":
            place = (*place, item["loc"][-1])
        elif item["type"] == "value_error" and (named := re.match(r"(\w+(?:\.\w+)*): ", text)):
            # Checks of several fields together say themselves which it is.
            parts = [int(part) if part.isdigit() else part for part in named[1].split(".")]
            deeper_line, deeper, _ = _follow(end, parts)
            line = deeper_line if deeper else line
        problem = file, line, ": ".join(filter(None, [".".join(map(str, place)), text]))
        has_fields = isinstance(end, yaml.MappingNode)
        is_misfit = item["type"] in (_WANTS_ONE_VALUE if has_fields else _WANTS_FIELDS)
        (misfits if is_misfit else found).append((place, problem))
    told = [problem for _, problem in found]
    told += [problem for place, problem in misfits if not any(other[: len(place)] == place for other, _ in found)]
    return list(dict.fromkeys(told))


def _follow(node: yaml.Node, location: Sequence[str | int]) -> tuple[int, tuple[str | int, ...], yaml.Node]:
    """Follow a location into the YAML tree; parts without a node, such as a union's tag, are passed over.

    Returns the line, the parts that have a node, and the last node.
    """
    line, place = node.start_mark.line + 1, []
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
            place.append(part)
    return line, tuple(place), node


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
    """YAML without aliases, which could make a small file endless, without tags, which no field needs and on which the
    library falls over, and not deeper than people write it, because each level costs it more than the one before.
    """

    _level = 0

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        # It reads far ahead of what is composed below, and each open bracket costs it a look at every later character.
        if self.flow_level >= LEVELS_MAX:
            mark = self.get_mark()
            raise yaml.scanner.ScannerError(None, None, _TOO_DEEP, mark)
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        _refuse(self, self._level)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


class _FastLoader(Composer, yaml.CSafeLoader):
    """The same with libyaml's parser, which takes a fourth of the time."""

    _level = 0

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        _refuse(self, self._level)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


def _refuse(loader: Any, level: int) -> None:
    event = loader.peek_event()
    told = None
    if isinstance(event, yaml.AliasEvent):
        told = "aliases (*name) are not taken; write it out"
    elif event.tag is not None:
        told = "tags (!name) are not taken; write the value alone"
    elif level == LEVELS_MAX:
        told = _TOO_DEEP
    if told is not None:
        raise yaml.composer.ComposerError(None, None, told, event.start_mark)


def _composed(text: str) -> tuple[_Loader | _FastLoader, yaml.Node | None]:
    """Return the only document's tree, None of an empty text, and the loader that made it. Raises yaml's errors."""
    loader: _Loader | _FastLoader
    try:
        loader = _FastLoader(text)
        return loader, loader.get_single_node()
    except (yaml.YAMLError, ValueError):
        loader = _Loader(text)  # which tells better what is wrong
        return loader, loader.get_single_node()
