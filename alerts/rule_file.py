"""Reads rule files: YAML in, packs out, and every error with file, line and remedy."""

from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from alerts.rule_faults import faults, looks
from alerts.rules import Pack, Rule
from model.yaml_file import YamlFileError, located, parse_model, read_text

RuleFileError = YamlFileError
"""A rule file that is refused; `problems` has (file, line, text) for each error found."""

Files = list[tuple[str, str]]
"""Files by name and text."""


def load_packs(paths: Iterable[Path]) -> list[Pack]:
    """Return the packs of several files. Raises RuleFileError with the problems of all of them."""
    return parse_packs(read_files(paths))


def default_packs() -> list[Pack]:
    """Return the packs that come with Lifeline."""
    return parse_packs(default_files())


def read_files(paths: Iterable[Path]) -> Files:
    """Return the texts of files, of one that is named twice once. Raises RuleFileError."""
    return [(str(path), read_text(path)) for path in dict.fromkeys(paths)]


def default_files() -> Files:
    """Return the files of the packs that come with Lifeline."""
    folder = resources.files("alerts") / "packs"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    # Beside each pack may stand its tests.
    return [(name, (folder / name).read_text("utf-8")) for name in names if not name.endswith(".test.yaml")]


def parse_packs(texts: Iterable[tuple[str, str]]) -> list[Pack]:
    """Return the packs of (file name, YAML text) pairs. Raises RuleFileError.

    Rules may look at those of other packs: check_looks tells where there are none.
    """
    files, packs, problems = [], [], []
    for file, text in texts:
        try:
            packs.append(parse_model(file, text, Pack, "the file is empty; a pack needs pack, description and rules"))
            files.append((file, text))
        except RuleFileError as error:
            problems += error.problems
    owners: dict[str, tuple[str, str]] = {}  # the file and pack in which a name stands first
    rules = _by_name(packs)
    for (file, text), pack in zip(files, packs, strict=True):
        found = [*faults(pack), *looks(pack, rules, are_all=False)]
        names: list[tuple[str, tuple[str | int, ...]]] = [(f"pack {pack.pack}", ("pack",))]
        names += [(f"rule {rule.rule}", ("rules", place, "rule")) for place, rule in enumerate(pack.rules)]
        for name, where in names:
            if name in owners:
                first_file, first_pack = owners[name]
                again = "twice" if first_file == file else f"in pack {first_pack} too ({first_file})"
                found.append((where, f"{name} stands {again}; ids are single: give another"))
            else:
                owners[name] = file, pack.pack
        problems += located(file, text, found)
    if problems:
        raise RuleFileError(problems)
    return packs


def check_looks(files: Files, packs: Sequence[Pack], others: Iterable[Pack]) -> None:
    """Refuse rules that combine, or are suppressed by, one that is in none of the packs or that they do not see.

    `files` are those that `packs` were read from; of the `others`, such as those in force, a pack counts where none of
    its name is given. Raises RuleFileError.
    """
    given = {pack.pack for pack in packs}
    rules = _by_name([*(pack for pack in others if pack.pack not in given), *packs])
    problems = []
    for (file, text), pack in zip(files, packs, strict=True):
        problems += located(file, text, looks(pack, rules, are_all=True))
    if problems:
        raise RuleFileError(problems)


def lost_looks(packs: Sequence[Pack], in_force: Iterable[Pack]) -> list[str]:
    """Return what rules of packs that stay in force would no longer see once `packs` are in force."""
    given = {pack.pack for pack in packs}
    staying = [pack for pack in in_force if pack.pack not in given]
    rules = _by_name([*staying, *packs])
    return [f"pack {pack.pack}: {what}" for pack in staying for _, what in looks(pack, rules, are_all=True)]


def _by_name(packs: Iterable[Pack]) -> dict[str, Rule]:
    return {rule.rule: rule for pack in packs for rule in pack.rules}


def schema() -> dict[str, Any]:
    """Return the JSON schema of a rule file, as published."""
    return Pack.model_json_schema()
