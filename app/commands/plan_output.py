"""How an import is told: every change and error in a dry run, the sums in any, all of it as JSON."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from model.provisioning import FieldChange, ImportRefused, Plan
from model.sensor_file import SensorFileError

File = TypeVar("File")

CHANGES_TOLD_MAX = 100_000


def add_import_arguments(command: argparse.ArgumentParser) -> None:
    """Add FILE, --dry-run and --json."""
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--dry-run", action="store_true", help="list every change and every error; write nothing")
    command.add_argument("--json", action="store_true", help="tell it as JSON")


def parsed(chosen: argparse.Namespace, parse: Callable[[Path], File]) -> File | None:
    """Return the file as read; None where it cannot be read and that was told as JSON. Raises SensorFileError."""
    try:
        return parse(chosen.file)
    except SensorFileError as error:
        if not chosen.json:
            raise
        tell(Plan(problems=list(error.problems)), chosen)
        return None


def tell(plan: Plan, chosen: argparse.Namespace) -> int:
    """Tell what an import did or would do, and return the exit code. Raises ImportRefused where it may not be done."""
    refused = bool(plan.problems)
    if chosen.json:
        print(json.dumps(_as_json(plan, chosen), ensure_ascii=False))
        return int(refused)
    if refused and not chosen.dry_run:
        raise ImportRefused(plan.problems, str(chosen.file))
    if chosen.dry_run:
        for change in plan.changes[:CHANGES_TOLD_MAX]:
            told = ", ".join(_told(field) for field in change.fields)
            print(f"{'new' if change.is_new else 'changed'}\t{change.thing} {change.id}{': ' + told if told else ''}")
        if len(plan.changes) > CHANGES_TOLD_MAX:
            print(f"… and {len(plan.changes) - CHANGES_TOLD_MAX} more")
    for note in plan.notes:
        sys.stderr.write(f"note: {note}\n")
    for line, text in sorted(plan.problems):
        sys.stderr.write(f"{chosen.file}:{line}: {text}\n" if line else f"{chosen.file}: {text}\n")
    print(_summary(plan))
    if chosen.dry_run:
        print("refused: nothing would be written" if refused else "dry run: nothing was written")
    return int(refused)


def _summary(plan: Plan) -> str:
    told = f"{plan.count(new=True)} new, {plan.count(new=False)} changed, {plan.unchanged} unchanged"
    if plan.problems:
        told += f", {len(plan.problems)} errors"
    return f"{told}; {plan.left_alone} in the database that the file does not name stay as they are"


def _told(change: FieldChange) -> str:
    return f"{change.field}: {_value(change.old)} -> {_value(change.new)}"


def _value(value: Any) -> str:
    if value in (None, "", ()):
        return "(none)"
    text = f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _as_json(plan: Plan, chosen: argparse.Namespace) -> dict[str, Any]:
    return {
        "file": str(chosen.file),
        "dry_run": chosen.dry_run,
        "written": not (chosen.dry_run or plan.problems),
        "new": [{"thing": change.thing, "id": change.id} for change in plan.changes if change.is_new],
        "changed": [
            {
                "thing": change.thing,
                "id": change.id,
                "fields": [{"field": field.field, "old": field.old, "new": field.new} for field in change.fields],
            }
            for change in plan.changes
            if not change.is_new
        ],
        "unchanged": plan.unchanged,
        "left_alone": plan.left_alone,
        "errors": [{"line": line, "error": text} for line, text in sorted(plan.problems)],
        "notes": plan.notes,
    }
