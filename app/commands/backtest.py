"""`lifeline backtest`: the alarm journal of a recording, and what rules tried would have done."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.recovery import EvaluatorLimits
from alerts.rule_file import default_packs, load_packs
from alerts.rules import Pack
from app.commands.output import CommandError, duration, instant, positive, progress, run_async, write_lines
from app.commands.trial_output import trial_json, trial_text
from app.incident_file import incident_lines, read_networks
from app.recording import Recording, load_recording
from app.rule_trial import READINGS_MAX, Trial, in_place, try_over_history, try_packs
from app.services import open_database, prepared_pool
from app.settings import load_settings
from ingest.settings import IngestLimits
from model.alarm import JournalLine, encode_line, journal_order
from model.instant import format_instant
from model.registry import Registry
from model.sensor_file import read_sensor_file
from store.log_span import SpanTooLarge


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    backtesting = commands.add_parser(
        "backtest",
        help="readings in, alarm journal out, without services; or rules tried over the database's history",
        description="Run the rules over a readings file and write the alarm journal, sorted, as NDJSON.\n"
        "With --against, or with --from and --to over the database's history, each pack given takes the\n"
        "place of the one of its name, and the difference is shown: alarms added, removed, moved in time,\n"
        "and the figures.",
        epilog="example: lifeline backtest --readings readings.csv.gz --sensors sensors.csv --out journal.ndjson\n"
        "         lifeline backtest --from 2026-11-15T00:00:00Z --to 2026-11-22T00:00:00Z --rules my-rules.yaml",
    )
    backtesting.add_argument("--readings", type=Path, metavar="FILE", help="CSV or NDJSON, also .gz")
    backtesting.add_argument("--sensors", type=Path, metavar="FILE", help="CSV or GeoJSON")
    backtesting.add_argument(
        "--rules", type=Path, nargs="+", action="extend", metavar="FILE", help="the default packs if left out"
    )
    backtesting.add_argument(
        "--against", nargs="+", action="extend", metavar="FILE",
        help="rule files, or the word default: show the difference to these",
    )  # fmt: skip
    backtesting.add_argument(
        "--from", dest="start", type=instant, metavar="T", help="over the database's history, from this time"
    )
    backtesting.add_argument("--to", dest="end", type=instant, metavar="T", help="up to this time")
    backtesting.add_argument(
        "--warm-up", type=duration, default=86_400.0, metavar="D", help="evaluated before --from as well (1d)"
    )
    backtesting.add_argument(
        "--readings-max", type=positive, default=READINGS_MAX, metavar="N",
        help=f"of the history, 30 bytes each in a temporary file ({READINGS_MAX})",
    )  # fmt: skip
    backtesting.add_argument("--json", action="store_true", help="the difference as JSON")
    backtesting.add_argument("--out", type=Path, metavar="FILE", help="the journal; standard output if left out")
    backtesting.add_argument(
        "--acknowledge-after", type=_delay, default=60.0, metavar="D",
        help="an ideal operator acknowledges after this long (60s), or never",
    )  # fmt: skip
    backtesting.add_argument(
        "--incidents", type=Path, metavar="FILE", help="which alarms belong together, and the probable cause, as NDJSON"
    )
    backtesting.add_argument(
        "--networks", type=Path, nargs="+", action="extend", default=[], metavar="FILE",
        help="pipe networks for --incidents: GeoJSON, EPANET or SWMM",
    )  # fmt: skip
    backtesting.add_argument("--batch", type=positive, default=5_000, metavar="N", help="readings a batch (5000)")
    backtesting.set_defaults(run=run_backtest, refuse=backtesting.error)


def run_backtest(chosen: argparse.Namespace) -> int:
    """Run `lifeline backtest`."""
    over_history = chosen.start is not None or chosen.end is not None
    over_files = chosen.readings is not None or chosen.sensors is not None
    if over_history == over_files:
        chosen.refuse("give --readings and --sensors, or --from and --to")
    if over_files and (chosen.readings is None or chosen.sensors is None):
        chosen.refuse("--readings and --sensors belong together")
    if over_history and (chosen.start is None or chosen.end is None or chosen.end <= chosen.start):
        chosen.refuse("--from and --to belong together, and --to is the later one")
    if over_history and chosen.against is not None:
        chosen.refuse("--against is for files; over the database's history the rules in force are compared with")
    if chosen.json and not (over_history or chosen.against):
        chosen.refuse("--json shows the difference: give --against, or --from and --to; the journal is NDJSON anyway")
    if chosen.incidents is not None and (over_history or chosen.against):
        chosen.refuse("--incidents is for --readings and --sensors, without --against")
    if chosen.networks and chosen.incidents is None:
        chosen.refuse("--networks is for --incidents: rules do not look at networks")
    packs = load_packs(chosen.rules) if chosen.rules else default_packs()
    if over_history:
        return run_async(_over_history(chosen, packs))
    return _over_files(chosen, packs)


async def _over_history(chosen: argparse.Namespace, packs: Sequence[Pack]) -> int:
    settings = load_settings()
    async with open_database(settings, progress) as url, prepared_pool(url, progress) as pool:
        try:
            trial = await try_over_history(
                pool,
                packs,
                chosen.start,
                chosen.end,
                warm_up_ms=round(chosen.warm_up * 1000),
                acknowledge_after_ms=_milliseconds(chosen.acknowledge_after),
                limits=EvaluatorLimits(settle_s=settings.settle_s, tick_s=settings.tick_s),
                readings_max=chosen.readings_max,
            )
        except SpanTooLarge as error:
            raise CommandError(f"{error}, or raise --readings-max (30 bytes each in a temporary file)") from None
    if not trial.readings:
        progress("no reading arrived in that time or in the warm-up before it")
    _tell_trial(chosen, trial)
    return 0


def _over_files(chosen: argparse.Namespace, packs: Sequence[Pack]) -> int:
    networks = read_networks(chosen.networks)
    # Cities that appear through a back-test are test cities.
    sensors, cities = read_sensor_file(chosen.sensors, mode="test")
    registry = Registry(1, dict(enumerate(sensors)), {city.city: city for city in cities})
    recording = load_recording(chosen.readings, registry, IngestLimits())
    after = _milliseconds(chosen.acknowledge_after)
    readings, refused = len(recording.readings), sum(recording.refused.values())
    if chosen.against and readings:
        present = default_packs() if chosen.against == ["default"] else load_packs(map(Path, chosen.against))
        batches = list(recording.batches(chosen.batch))
        first, last = int(recording.arrived[0]), int(recording.arrived[-1])
        first = min(first, int(recording.readings.time.min()))
        tried = in_place(present, packs)
        trial = try_packs(
            batches, registry, present, tried, first, last + 1, readings=readings, acknowledge_after_ms=after
        )
        lines, unbound = trial.journal, trial.unbound
        _tell_trial(chosen, trial)
    else:
        engine = Engine(packs, registry)
        lines = sorted(backtest(engine, recording.batches(chosen.batch), after), key=journal_order)
        unbound = engine.unbound
        if chosen.out is not None or chosen.incidents is None:
            write_lines(chosen.out, (encode_line(line) for line in lines))
    if chosen.incidents is not None:
        write_lines(chosen.incidents, incident_lines(lines, registry, recording, networks))
    for problem in recording.problems:
        progress(problem)
    if refused > len(recording.problems):
        progress(f"… and {refused - len(recording.problems)} more rows that were not used")
    _tell_unbound(unbound)
    progress(_summary(recording, refused, lines))
    if refused and not readings:
        raise CommandError(f"{chosen.readings}: none of its {refused} rows could be used")
    return 0


def _tell_trial(chosen: argparse.Namespace, trial: Trial) -> None:
    """Show the difference, and write the journal of the rules tried where it is asked for."""
    if chosen.out is not None:
        start, end = format_instant(trial.start), format_instant(trial.end)
        write_lines(chosen.out, (encode_line(line) for line in trial.journal if start <= line.time < end))
    if chosen.json:
        print(trial_json(trial))
        return
    for line in trial_text(trial):
        print(line)


def _tell_unbound(unbound: Sequence[tuple[str, str]]) -> None:
    rules: dict[str, list[str]] = {}
    for rule, sensor in unbound:
        rules.setdefault(rule, []).append(sensor)
    for rule, sensors in sorted(rules.items()):
        progress(
            f"rule {rule} is not bound to {len(sensors)} of its sensors ({sensors[0]}, …): they lack the attribute "
            "that holds its limit, or report too seldom for its window"
        )


def _summary(recording: Recording, refused: int, lines: list[JournalLine]) -> str:
    raised = [line for line in lines if line.sequence == 1]
    process = sum(line.class_ == "process" for line in raised)
    return (
        f"{len(recording.readings)} readings evaluated; {recording.duplicates} repeated, {recording.conflicts} in "
        f"conflict with the first value of their time, which stands, {refused} not used; "
        f"{process} process alarms, "
        f"{len(raised) - process} instrument alarms, {len(lines)} transitions"
    )


def _milliseconds(delay_s: float | None) -> int | None:
    return None if delay_s is None else round(delay_s * 1000)


def _delay(text: str) -> float | None:
    return None if text == "never" else duration(text)
