"""`lifeline rules`: check rule files, and put them into force."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alerts.engine import Engine
from alerts.recovery import EvaluatorLimits
from alerts.rule_file import (
    check_looks,
    default_files,
    default_packs,
    load_packs,
    parse_packs,
    read_files,
    schema,
)
from alerts.rule_tests import SUFFIX, load_tests, run_tests, tests_beside
from alerts.rules import Pack
from app.clock import clock
from app.commands import rule_advice
from app.commands.output import CommandError, instant, progress, run_async
from app.commands.trial_output import trial_text
from app.rule_activation import TOLD_MAX, Checked, check_activation, put_in_force, request_rules
from app.rule_trial import try_over_history
from app.services import open_database, prepared_pool
from app.settings import load_settings
from app.trial_document import trial_document
from model.instant import DAY_MS, format_instant, to_milliseconds
from model.registry import Registry
from model.sensor import City, Sensor
from model.sensor_file import read_sensor_file
from store.log_span import SpanTooLarge
from store.pool import Pool


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    rules = commands.add_parser(
        "rules",
        help="check rule files, and put them into force",
        description="Check rule files, and put them into force.",
        epilog="example: lifeline rules check my-rules.yaml",
    )
    actions = rules.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="validate rule files",
        description="Validate rule files, and files of tests (NAME.test.yaml); every error has file, line and remedy.",
        epilog="example: lifeline rules check my-rules.yaml",
    )  # fmt: skip
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.add_argument("--sensors", type=Path, metavar="FILE", help="say at how many of these sensors each rule holds")
    check.set_defaults(run=_check)
    testing = actions.add_parser(
        "test", help="run rule authors' tests",
        description="Run tests: readings in, transitions expected at times. FILE is a file of tests (NAME.test.yaml), "
        "or a rule file with its tests beside it.",
        epilog="example: lifeline rules test my-rules.yaml",
    )  # fmt: skip
    testing.add_argument("files", type=Path, nargs="+", metavar="FILE")
    testing.set_defaults(run=_test)
    activating = actions.add_parser(
        "activate", help="put rule files into force",
        description="Put packs into force, each in the place of the one of its name, and show what they would have "
        "changed in the last day; temporary limits are left out of that. An error changes nothing. With "
        "LIFELINE_RULES_TWO_PERSONS=true it asks for a second person, who approves it through the API.",
        epilog="example: lifeline rules activate my-rules.yaml",
    )  # fmt: skip
    activating.add_argument("files", type=Path, nargs="*", metavar="FILE", help="the default packs if left out")
    activating.add_argument(
        "--from",
        dest="start",
        type=instant,
        metavar="T",
        help="what it changes is shown from here on (a day before --to)",
    )
    activating.add_argument("--to", dest="end", type=instant, metavar="T", help="and up to here (now)")
    activating.add_argument("--by", metavar="NAME", help="who activates, for the record")
    activating.set_defaults(run=lambda chosen: run_async(_activate(chosen)))
    rule_advice.add_parser(actions)
    publishing = actions.add_parser(
        "schema", help="print the JSON schema of a rule file", description="Print the JSON schema of a rule file.",
        epilog="example: lifeline rules schema > rules.schema.json",
    )  # fmt: skip
    publishing.set_defaults(run=_schema)


def _check(chosen: argparse.Namespace) -> int:
    tests = [file for file in chosen.files if file.name.endswith(SUFFIX)]
    files = read_files(file for file in chosen.files if file not in tests)
    packs = parse_packs(files)
    check_looks(files, packs, default_packs())
    for checked in packs:
        print(f"pack {checked.pack}: {len(checked.rules)} rules, no error")
    for path in tests:
        print(f"{path}: {len(load_tests(path)[0].tests)} tests, no error; `lifeline rules test` runs them")
    if chosen.sensors is not None:
        _tell_bindings(packs, *read_sensor_file(chosen.sensors, mode="test"))
    return 0


def _tell_bindings(packs: Sequence[Pack], sensors: Sequence[Sensor], cities: Sequence[City]) -> None:
    registry = Registry(0, dict(enumerate(sensors)), {city.city: city for city in cities})
    engine = Engine(packs, registry)
    holds = Counter(binding.rule.rule for group in engine.groups.values() for binding in group.bindings)
    unset = Counter(rule for rule, _ in engine.unbound)
    for pack in packs:
        for rule in pack.rules:
            wanting = f", not set at {unset[rule.rule]} (they lack what it needs)" if unset[rule.rule] else ""
            print(f"  {rule.rule}: holds at {holds[rule.rule] or 'no sensor'}{wanting}")


def _test(chosen: argparse.Namespace) -> int:
    failed = run = 0
    # A rule file and its tests may both be named: `packs/*.yaml`.
    for path in dict.fromkeys(file if file.name.endswith(SUFFIX) else tests_beside(file) for file in chosen.files):
        tests, rule_files = load_tests(path)
        failures = run_tests(tests.tests, load_packs(rule_files))
        for failure in failures:
            print("\n".join(filter(None, [f"{path}: {failure.test}: {failure.reason}", failure.difference])))
        failed, run = failed + len(failures), run + len(tests.tests)
    print(f"{run - failed} of {run} tests passed")
    return 1 if failed else 0


def _schema(_chosen: argparse.Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


async def _activate(chosen: argparse.Namespace) -> int:
    end = chosen.end or clock()
    start = end - DAY_MS if chosen.start is None else chosen.start
    if end <= start:
        raise CommandError("--from must be earlier than --to, which is now where it is left out")
    settings = load_settings()
    if settings.rules_two_persons and chosen.by is None:
        raise CommandError(
            "two persons activate rules here (LIFELINE_RULES_TWO_PERSONS): say with --by who asks for it"
        )
    by = chosen.by or "command line"
    files = read_files(chosen.files) if chosen.files else default_files()
    packs = parse_packs(files)
    async with open_database(settings, progress) as url, prepared_pool(url, progress) as pool:
        async with pool.acquire() as connection:
            checked = await check_activation(connection, files, packs)
        for lost in checked.warnings:
            progress(f"{lost}; until then this rule does not bind")
        limits = EvaluatorLimits(settle_s=settings.settle_s, tick_s=settings.tick_s)
        try:
            trial = await try_over_history(pool, packs, start, end, limits=limits)
            for line in trial_text(trial):
                print(line)
            shown = trial_document(trial, TOLD_MAX)
        except SpanTooLarge as error:
            if chosen.start is not None:
                raise CommandError(str(error)) from None
            progress(f"what it would have changed in the last day is not shown: {error} with --from and --to")
            shown = {"not_shown": str(error)}
        if settings.rules_two_persons:
            await _ask(pool, checked, shown, by)
            return 0
        async with pool.acquire() as connection, connection.transaction():
            done = await put_in_force(connection, packs, by=by, now=clock(), trial=shown)
    for number in done.ended:
        print(f"temporary limit {number} has ended: its rule has other limits now")
    for pack in packs:
        print(f"pack {pack.pack}: {'in force' if pack.pack in done.changed else 'unchanged'}")
    return 0


async def _ask(pool: Pool, checked: Checked, trial: dict[str, Any], by: str) -> None:
    if all(checked.replaces[pack.pack] == pack.version for pack in checked.packs):
        print("unchanged: all of it is in force already")
        return
    async with pool.acquire() as connection:
        row, asked = await request_rules(
            connection, checked, reason="asked for on the command line", trial=trial, tests_passed=0, by=by, now=clock()
        )
    for pack in asked.packs:
        print(f"pack {pack.pack}: waits for a second person")
    print(
        f"nothing has changed yet: another person than {by!r}, engineer or supervisor, approves request {row.approval} "
        f"until {format_instant(to_milliseconds(row.expires_at))}: POST /api/v1/approvals/{row.approval}/approve"
    )
