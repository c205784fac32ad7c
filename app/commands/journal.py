"""`lifeline backtest` and `lifeline journal`: the alarm journal of a recording, and of the service."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.rule_file import default_packs, load_packs
from app.commands.output import CommandError, duration, instant, positive, progress, run_async
from app.recording import load_recording
from app.services import open_database, prepared_pool
from app.settings import load_settings
from ingest.settings import IngestLimits
from model.alarm import JournalLine, encode_line, journal_order
from model.registry import Registry
from model.sensor_file import read_sensor_file
from store.journal import read_journal


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    backtesting = commands.add_parser(
        "backtest",
        help="readings in, alarm journal out, without services",
        description="Run the rules over a readings file and write the alarm journal, sorted, as NDJSON.",
        epilog="example: lifeline backtest --readings readings.csv.gz --sensors sensors.csv --out journal.ndjson",
    )
    backtesting.add_argument("--readings", type=Path, required=True, metavar="FILE", help="CSV or NDJSON, also .gz")
    backtesting.add_argument("--sensors", type=Path, required=True, metavar="FILE", help="CSV or GeoJSON")
    backtesting.add_argument(
        "--rules", type=Path, nargs="+", action="extend", metavar="FILE", help="the default packs if left out"
    )
    backtesting.add_argument("--out", type=Path, metavar="FILE", help="standard output if left out")
    backtesting.add_argument(
        "--acknowledge-after", type=_delay, default=60.0, metavar="D",
        help="an ideal operator acknowledges after this long (60s), or never",
    )  # fmt: skip
    backtesting.add_argument("--batch", type=positive, default=5_000, metavar="N", help="readings a batch (5000)")
    backtesting.set_defaults(run=run_backtest)
    journal = commands.add_parser(
        "journal",
        help="write the service's alarm journal",
        description="Write the service's alarm journal, sorted, as NDJSON.",
        epilog="example: lifeline journal --from 2026-11-22T00:00:00Z --to 2026-11-23T00:00:00Z --out journal.ndjson",
    )
    journal.add_argument(
        "--from", dest="start", type=instant, metavar="T", help="first time of a line; open if left out"
    )
    journal.add_argument("--to", dest="end", type=instant, metavar="T", help="time before which lines end")
    journal.add_argument("--out", type=Path, metavar="FILE", help="standard output if left out")
    journal.set_defaults(run=lambda chosen: run_async(_journal(chosen)))


def run_backtest(chosen: argparse.Namespace) -> int:
    """Run `lifeline backtest`."""
    packs = load_packs(chosen.rules) if chosen.rules else default_packs()
    # Cities that appear through a back-test are test cities.
    sensors, cities = read_sensor_file(chosen.sensors, mode="test")
    registry = Registry(1, dict(enumerate(sensors)), {city.city: city for city in cities})
    recording = load_recording(chosen.readings, registry, IngestLimits())
    engine = Engine(packs, registry)
    after = None if chosen.acknowledge_after is None else round(chosen.acknowledge_after * 1000)
    lines = sorted(backtest(engine, recording.batches(chosen.batch), after), key=journal_order)
    _write(chosen.out, (encode_line(line) for line in lines))
    for problem in recording.problems:
        progress(problem)
    refused = sum(recording.refused.values())
    if refused > len(recording.problems):
        progress(f"… and {refused - len(recording.problems)} more rows that were not used")
    _tell_unbound(engine)
    progress(_summary(len(recording.readings), refused, lines))
    if refused and not len(recording.readings):
        raise CommandError(f"{chosen.readings}: none of its {refused} rows could be used")
    return 0


async def _journal(chosen: argparse.Namespace) -> int:
    settings = load_settings()
    async with open_database(settings, progress) as url, prepared_pool(url, progress) as pool:
        _write(chosen.out, await read_journal(pool, chosen.start, chosen.end))
    return 0


def _write(path: Path | None, lines: Iterable[str]) -> None:
    if path is None:
        sys.stdout.writelines(line + "\n" for line in lines)
        return
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from None


def _tell_unbound(engine: Engine) -> None:
    rules: dict[str, list[str]] = {}
    for rule, sensor in engine.unbound:
        rules.setdefault(rule, []).append(sensor)
    for rule, sensors in sorted(rules.items()):
        progress(
            f"rule {rule} is not bound to {len(sensors)} of its sensors ({sensors[0]}, …): their limits stand in "
            "attributes that the sensors file does not have"
        )


def _summary(readings: int, refused: int, lines: list[JournalLine]) -> str:
    raised = [line for line in lines if line.sequence == 1]
    process = sum(line.class_ == "process" for line in raised)
    return (
        f"{readings} readings evaluated, {refused} not used; {process} process alarms, "
        f"{len(raised) - process} instrument alarms, {len(lines)} transitions"
    )


def _delay(text: str) -> float | None:
    return None if text == "never" else duration(text)
