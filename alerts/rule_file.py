"""Reads rule files: YAML in, packs out, and every error with file, line and remedy."""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from alerts.conditions.combination import Combination
from alerts.rules import Pack
from model.yaml_file import YamlFileError, parse_model, read_text

RuleFileError = YamlFileError
"""A rule file that is refused; `problems` has (file, line, text) for each error found."""


def load_packs(paths: Iterable[Path]) -> list[Pack]:
    """Return the packs of several files. Raises RuleFileError with the problems of all of them."""
    return parse_packs((str(path), read_text(path)) for path in paths)


def default_packs() -> list[Pack]:
    """Return the packs that come with Lifeline."""
    folder = resources.files("alerts") / "packs"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    # Beside each pack may stand its tests.
    return parse_packs([(n, (folder / n).read_text("utf-8")) for n in names if not n.endswith(".test.yaml")])


def missing_rules(packs: Iterable[Pack], others: Iterable[Pack] = ()) -> list[tuple[str, str, str]]:
    """Return (pack, rule, rule that it looks at) for each combination whose rule is neither in `packs` nor `others`."""
    given = list(packs)
    known = {rule.rule for pack in (*given, *others) for rule in pack.rules}
    return [
        (pack.pack, rule.rule, term.rule)
        for pack in given
        for rule in pack.rules
        if isinstance(rule.condition, Combination)
        for term in rule.condition.terms
        if term.rule not in known
    ]


def parse_packs(texts: Iterable[tuple[str, str]]) -> list[Pack]:
    """Return the packs of (file name, YAML text) pairs. Raises RuleFileError."""
    packs, problems = [], []
    for file, text in texts:
        try:
            packs.append(parse_model(file, text, Pack, "the file is empty; a pack needs pack, description and rules"))
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
