"""`lifeline rules advise`: for rules that chatter, flood or are often found false, what would have kept them quiet."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from alerts.advice import Advice, Candidate, Weighed, advise, rules_in_need
from alerts.backtest import backtest
from alerts.conditions.expression import Expression
from alerts.engine import Engine
from alerts.rule_file import default_packs, load_packs
from alerts.rules import Pack, Rule
from app.commands.judgement_advice import advise_by_judgements
from app.commands.output import CommandError, instant, progress, run_async
from app.recording import Recording, load_recording
from app.rule_trial import intervals
from ingest.settings import IngestLimits
from model.alarm import JournalLine
from model.registry import Registry
from model.sensor_file import read_sensor_file
from store.batches import IncomingReadings

READINGS_PER_BATCH = 5_000


def add_parser(actions: Any) -> None:
    """Add the action to the parser of `lifeline rules`."""
    advising = actions.add_parser(
        "advise",
        help="advise deadbands and delays for rules that chatter, flood or are often found false",
        description="Back-test other deadbands and delays of the rules that chatter or flood over a recording, and\n"
        "show for the best few what share of alarms they would have removed, what they delay, and what they lose.\n"
        "With --from and --to: of the rules whose alarms people often found false then, in the database's journal,\n"
        "the sensors, and the delays that would have kept false ones quiet and lost no true one.\n"
        "The on-delay of a rule that alarms at the first sample is never lengthened.",
        epilog="example: lifeline rules advise --readings readings.csv.gz --sensors sensors.csv\n"
        "         lifeline rules advise --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z",
    )
    advising.add_argument("--readings", type=Path, metavar="FILE", help="CSV or NDJSON, also .gz")
    advising.add_argument("--sensors", type=Path, metavar="FILE", help="CSV or GeoJSON")
    advising.add_argument("--from", dest="start", type=instant, metavar="T", help="what was judged from this time")
    advising.add_argument("--to", dest="end", type=instant, metavar="T", help="up to this time")
    advising.add_argument(
        "--rules", type=Path, nargs="+", action="extend", metavar="FILE", help="the default packs if left out"
    )
    advising.add_argument("--rule", metavar="ID", help="this rule alone, whether or not it chatters or floods")
    advising.add_argument("--json", action="store_true", help="the advice as JSON")
    advising.set_defaults(run=run_advise)


def run_advise(chosen: argparse.Namespace) -> int:
    """Run `lifeline rules advise`."""
    recorded = chosen.readings is not None and chosen.sensors is not None
    judged = chosen.start is not None and chosen.end is not None
    if recorded == judged or (not recorded and (chosen.readings or chosen.sensors)):
        raise CommandError("give --readings with --sensors, or --from with --to")
    if judged:
        return run_async(advise_by_judgements(chosen))
    packs = load_packs(chosen.rules) if chosen.rules else default_packs()
    rules = {rule.rule: rule for pack in packs for rule in pack.rules}
    if chosen.rule is not None and chosen.rule not in rules:
        raise CommandError(f"rule {chosen.rule!r} is in none of the packs {', '.join(pack.pack for pack in packs)}")
    sensors, cities = read_sensor_file(chosen.sensors, mode="test")
    registry = Registry(1, dict(enumerate(sensors)), {city.city: city for city in cities})
    recording = load_recording(chosen.readings, registry, IngestLimits())
    refused = sum(recording.refused.values())
    if refused:
        progress(f"{refused} rows were not used; {recording.problems[0]}")
    lines = list(backtest(Engine(packs, registry), recording.batches(READINGS_PER_BATCH), None))
    interval_s = intervals(registry)
    reasons = rules_in_need(lines, interval_s)
    if chosen.rule is not None:
        reasons = {chosen.rule: reasons.get(chosen.rule, ["asked for"])}
    found = []
    for rule, why in reasons.items():
        progress(f"{rule}: trying other values")
        found.append(_advise(rules[rule], why, recording, registry, interval_s))
    if chosen.json:
        print(msgspec.json.encode(found).decode())
        return 0
    for line in advice_text(found):
        print(line)
    return 0


def advice_text(found: Sequence[Advice]) -> Iterator[str]:
    """Yield the advice in lines for people."""
    if not found:
        yield "no rule chatters or floods over these readings"
    for one in found:
        yield f"{one.rule}: {'; '.join(one.reasons)}; {one.annunciated} annunciations of {one.events} events"
        if one.present is not None:
            yield f"  now: {_values(one.present)}"
        for weighed in one.best:
            yield f"  {_values(weighed.candidate)}: {_effect(weighed)}"
        if one.why_none is not None:
            yield f"  no advice: {one.why_none}"


def _advise(
    rule: Rule, reasons: list[str], recording: Recording, registry: Registry, interval_s: dict[str, float]
) -> Advice:
    """Back-test one rule alone, over the readings of the sensors that it looks at."""
    own = recording
    if not isinstance(rule.condition, Expression):  # which looks at sensors that it is not bound to
        keys = [key for key, sensor in registry.sensors.items() if rule.select.agrees(sensor)]
        own = _only(recording, np.isin(recording.readings.sensor, keys))
    description = {"en": "one rule", "zh": "单条规则"}

    def run(tried: Rule) -> list[JournalLine]:
        content = {"pack": "advice", "description": description, "rules": [tried]}
        engine = Engine([Pack.model_validate(content)], registry)
        return list(backtest(engine, own.batches(READINGS_PER_BATCH), None))

    return advise(rule, reasons, run, interval_s)


def _only(recording: Recording, rows: Any) -> Recording:
    kept = recording.readings
    part = IncomingReadings(kept.sensor[rows], kept.time[rows], kept.value[rows], kept.quality[rows])
    return replace(recording, readings=part, arrived=recording.arrived[rows])


def _values(values: Candidate) -> str:
    deadband = "" if values.deadband is None else f"deadband {values.deadband:g}, "
    return f"{deadband}on-delay {values.on_delay_s:g} s, off-delay {values.off_delay_s:g} s"


def _effect(one: Weighed) -> str:
    lost = "no event lost" if not one.lost else f"{one.lost} EVENTS LOST"
    lowered = f", {one.lowered} events with a lower highest severity" if one.lowered else ""
    merged = f", {one.merged} told only by an alarm that stands already" if one.merged else ""
    delay = f"later by {one.delay_median_s:g} s in the median and {one.delay_worst_s:g} s at worst"
    return f"{one.removed_share:.1%} of annunciations removed, {delay}, {lost}{lowered}{merged}"
