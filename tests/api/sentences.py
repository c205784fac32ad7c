"""The sentences that the code can say in a problem, read from the source: templates whose facts are holes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOLE = "\N{REPLACEMENT CHARACTER}"
SPEAKERS = {"Problem", "invalid", "not_found", "too_many", "InvalidField", "ValueError"}  # and all …Refused
# What speaks to others than callers of the API: commands, settings, messages out of the house.
APART = (
    "app/commands", "app/embedded", "app/cli.py", "app/settings.py", "app/runtime.py", "app/services.py",
    "app/notify", "app/recording.py", "app/api/deprecation.py",
)  # fmt: skip
# What callers are told by other rooms. Faults of rule files stay in English, as `lifeline rules check` tells them.
BELOW = ("alerts/limit_effects.py", "model/cap_area.py", "model/instant.py", "model/warning.py")


def modules() -> list[Path]:
    """Return what may refuse a request: the API, the acts behind it, and what parses texts for both."""
    found = [path for path in (ROOT / "app").rglob("*.py") if not str(path.relative_to(ROOT)).startswith(APART)]
    return sorted([*found, *(ROOT / name for name in BELOW)])


def sentences(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each template with its line; a hole stands where a fact comes in."""
    tree = ast.parse(path.read_text("utf-8"))
    for function in [
        tree,
        *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)),
    ]:
        assigned = {
            node.targets[0].id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and function is not tree
        }
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            if not _speaks(call) or (function is tree and not _at_top(tree, call)):
                continue
            for argument in (*call.args, *(word.value for word in call.keywords if word.arg in ("detail", "remedy"))):
                for text in _templates(argument, assigned):
                    if re.search(r"[A-Za-z`] ", text):  # the others are names: of fields, kinds, states
                        yield text, call.lineno


def _at_top(tree: ast.Module, call: ast.Call) -> bool:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return not any(node is call for function in functions for node in ast.walk(function))


def _speaks(call: ast.Call) -> bool:
    function = call.func
    name = (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
    return name in SPEAKERS or name.endswith("Refused")


def _templates(node: ast.expr, assigned: dict[str, ast.expr]) -> list[str]:
    """Return the texts that an expression can be; a part that is not written here is a hole."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(chosen) for chosen in product(*(_part(part, assigned) for part in parts))]
        case ast.IfExp(body=body, orelse=other):
            return _templates(body, assigned) + _templates(other, assigned)
        case ast.Name(id=name) if name in assigned:
            return _templates(assigned[name], {})
    return []


def _part(node: ast.expr, assigned: dict[str, ast.expr]) -> list[str]:
    if isinstance(node, ast.FormattedValue):
        return _templates(node.value, assigned) or [HOLE]
    return _templates(node, assigned)
