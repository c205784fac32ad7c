"""Evidence taken from the database: the case of an alarm, or of why none fired, with all that is recorded of it."""

import asyncio
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET
from pydantic import ValidationError

from alerts.definition import Bound
from alerts.explaining.case import Case
from alerts.explaining.concern import Concern, NotBound, concern_of
from alerts.explaining.evidence import Evidence, told_of
from alerts.explaining.reproduction import instants_due
from alerts.rules import Pack
from app.cases import (
    SILENCE_KINDS,
    CaseLimits,
    NoCase,
    batch_of,
    bound_of,
    first_batch,
    periods_of_concern,
    readings_of_concern,
)
from model.alarm import JournalLine
from model.area import EVERYWHERE
from model.instant import DAY_MS, format_instant, parse_instant, to_milliseconds
from model.journal_chain import ChainedLine
from model.reading import ReadingBatch
from store.alarms import lines_of_occurrence
from store.binary_copy import LogRows
from store.evaluation import read_cursor
from store.explaining import Tick, absences, bound_periods, first_tick, read_definition, tick_at, ticks_of
from store.journal_chain import read_chained
from store.pool import Connection
from store.rule_packs import activations_of
from store.suppressions import suppressions_held
from store.temporary_limits import find_temporary_limits

LOOKS_MAX = 5
"""For the batches that tell what fell due: each look may bring something that falls due later."""
ABSENCES_LOOKED_AT_MAX = 20_000_000  # batches of the log
ACTIVATIONS_MAX = 50
LINES_MAX = 100_000  # of one occurrence


class Question(NamedTuple):
    """What is to be shown: an alarm, or None for why none fired; `time` is explained, all is told up to `until`.

    Epoch milliseconds, by the log's clock. `suppressors` are the occurrences for whose sake it was kept quiet.
    """

    alarm: str | None
    rule: str
    sensor: str
    time: int
    until: int
    suppressors: tuple[str, ...] = ()


class NoEvidence(Exception):
    """There is none to be taken; the text says why."""


async def take_evidence(
    connection: Connection, question: Question, lines: Sequence[ChainedLine], limits: CaseLimits, readings_max: int
) -> Evidence:
    """Return the evidence of a question, with the lines that belong to it; `readings_max` as of an evaluator's passage.

    The caller holds a transaction that sees the database as of one moment. Raises NoEvidence.
    """
    try:
        case, through, concern, since = await _case(connection, question, lines, limits)
    except (NoCase, NotBound) as error:
        raise NoEvidence(str(error)) from None
    told = _decoded(lines)
    held = []
    if told:
        raised = min(parse_instant(line.known_at) for line in told)
        held = await suppressions_held(connection, sorted({line.sensor for line in told}), raised, question.until)
    return Evidence(
        alarm=question.alarm,
        case=case,
        through=through,
        passage_readings_max=readings_max,
        suppressions=tuple(held),
        lines=tuple(lines),
        activations=tuple(await _activations(connection, case)),
        left_out=concern.left_out,
        bindings_since=since,
        explanation=await asyncio.to_thread(told_of, case),
    )


async def lines_of_alarm(connection: Connection, alarm: str) -> tuple[Question, list[ChainedLine]]:
    """Return the question that an alarm is, from its raise to its newest line, and the lines. Raises NoEvidence."""
    own = await read_chained(connection, [alarm])
    if not own:
        raise NoEvidence(f"there is no alarm {alarm!r}; lifeline journal and the console name those that there are")
    told = _decoded(own)
    until = max(parse_instant(line.known_at) for line in told)
    suppressors = _suppressors(told)
    time = parse_instant(told[0].known_at)
    of_its_readings = parse_instant(told[0].time)
    if told[0].retroactive and await tick_at(connection, of_its_readings) is not None:
        time = of_its_readings  # when it was known the readings told of something else
    question = Question(alarm, told[0].rule, told[0].sensor, time, until, suppressors)
    return question, await _with_suppressors(connection, own, suppressors, until)


async def lines_at(connection: Connection, rule: str, sensor: str, time: int) -> tuple[Question, list[ChainedLine]]:
    """Return the question how a rule stood at a sensor (or gateway) at `time`, and the lines of what had fired."""
    own: list[ChainedLine] = []
    told = [msgspec.json.decode(line, type=JournalLine) for line in await lines_of_occurrence(
        connection, rule, sensor, time, LINES_MAX
    )]  # fmt: skip
    if told and told[-1].condition != "normal":
        own = [one for one in await read_chained(connection, [told[0].alarm]) if _known_at(one) <= time]
    suppressors = _suppressors(_decoded(own))
    question = Question(None, rule, sensor, time, time, suppressors)
    return question, await _with_suppressors(connection, own, suppressors, time)


def _suppressors(lines: Sequence[JournalLine]) -> tuple[str, ...]:
    """Return the occurrences for whose sake the rules suppressed those of the lines."""
    details = [line.details for line in lines if line.details is not UNSET]
    return tuple(sorted({str(one["suppressed_by"]) for one in details if "suppressed_by" in one}))


async def _with_suppressors(
    connection: Connection, own: list[ChainedLine], suppressors: Sequence[str], until: int
) -> list[ChainedLine]:
    """Return the lines and those of the suppressors up to the newest of `until`, by event."""
    theirs = [line for line in await read_chained(connection, suppressors) if _known_at(line) <= until]
    return sorted([*own, *theirs])


async def _case(
    connection: Connection, question: Question, lines: Sequence[ChainedLine], limits: CaseLimits
) -> tuple[Case, int, Concern, int | None]:
    """Return the case with its batches as in the log, through which of them the lines come, and what it is about."""
    at, through = await tick_at(connection, question.time), await tick_at(connection, question.until)
    if at is None or through is None:
        raise NoCase("nothing had arrived yet")
    cursor = await read_cursor(connection)
    if cursor < through.sequence:
        [through] = await ticks_of(connection, [cursor]) or [at]
    # What was known at the last batch may have come from other rules put into force then, before the next.
    behind = through.sequence + (question.alarm is not None)
    periods = await bound_periods(connection, behind, limits.periods_max)
    if not periods:
        raise NoCase("no rules have been evaluated yet")
    [asked] = await bound_periods(connection, at.sequence, 1)
    definition = await read_definition(connection, asked.version)
    bound = await asyncio.to_thread(bound_of, asked.version, definition)
    concern = await asyncio.to_thread(_concern, bound, question)
    # A day is deleted at a time, so that the same log gives the same begin.
    now = (through.clock // DAY_MS + 1) * DAY_MS
    rows, begins = await readings_of_concern(connection, bound, concern, through.clock, through, now, limits)
    first = await first_batch(connection, rows, begins)
    if first is None or first.sequence > at.sequence:
        raise NoCase("the readings of that time are no longer kept")
    newest = bound
    if periods[-1].version != asked.version:
        definition = await read_definition(connection, periods[-1].version)
        newest = await asyncio.to_thread(bound_of, periods[-1].version, definition)
    bound_to, since = await periods_of_concern(connection, periods, newest, concern, first)
    edges = [sequence for one in bound_to[1:] for sequence in (one.after, one.after + 1)]
    marks = [first, at, through, *await ticks_of(connection, edges)]
    if any(one.condition.kind in SILENCE_KINDS for period in bound_to for pack in period.packs for one in pack.rules):
        gaps = await absences(
            connection, first.sequence, through.sequence, limits.clock_gap_ms_max, ABSENCES_LOOKED_AT_MAX
        )
        marks += [tick for gap in gaps for tick in gap]

    def made(marks: Sequence[Tick]) -> Case:
        batches = tuple(_batches(rows, marks))
        return Case(question.rule, question.sensor, question.time, tuple(bound_to), batches, limits.settle_ms, begins)

    since_raised = min([question.time, *map(_known_at, lines)])
    asked_for: set[int] = set()
    for _ in range(LOOKS_MAX):
        due = await asyncio.to_thread(instants_due, made(marks), through.sequence, since_raised) - asked_for
        if not due:
            break
        marks += await _first_since(connection, due, through)
        asked_for |= due
    return made(marks), through.sequence, concern, since


async def _first_since(connection: Connection, instants: set[int], through: Tick) -> list[Tick]:
    """Return the first batch at or after each instant, and the one before it, which shows that there was none."""
    found = []
    for instant in sorted(instants):
        tick = await first_tick(connection, instant)
        if tick is not None and tick.sequence <= through.sequence:
            found += [*await ticks_of(connection, [tick.sequence - 1]), tick]
    return [Tick(tick.sequence, tick.clock, True) for tick in found]  # whether somebody listened, absences tell


def _concern(bound: Bound, question: Question) -> Concern:
    """Return what the condition and those that suppressed it hang on."""
    found = concern_of(bound.packs, bound.registry, question.rule, question.sensor)
    for suppressor in question.suppressors:
        rule, rest = suppressor.split(".", 1)
        sensor = rest.rsplit(".", 1)[0]  # a gateway's name may have a dot
        try:
            other = concern_of(bound.packs, bound.registry, rule, sensor)
        except NotBound:
            continue
        rules, sensors = (*found.rules, *other.rules), (*found.sensors, *other.sensors)
        left_out = tuple(one for one in found.left_out if one != rule)
        found = Concern(tuple(dict.fromkeys(rules)), tuple(dict.fromkeys(sensors)), left_out)
    return found


def _batches(rows: LogRows, marks: Sequence[Tick]) -> list[ReadingBatch]:
    """Return the batches that have readings of concern, and the marks, each as it is in the log."""
    ticks: dict[int, Tick] = {}
    for mark in marks:
        if mark.sequence not in ticks or not mark.listening:
            ticks[mark.sequence] = mark
    found = []
    for sequence in sorted({*np.unique(rows["batch"]).tolist(), *ticks}):
        start, end = np.searchsorted(rows["batch"], [sequence, sequence + 1]).tolist()
        part = rows[start:end]
        tick = ticks.get(sequence) or Tick(sequence, int(part["arrived"][0]), True)
        found.append(batch_of(part, tick))
    return found


async def _activations(connection: Connection, case: Case) -> list[dict[str, str | int | None]]:
    """Return who put the packs of the case into force, and which temporary limits its rules had, oldest first."""
    found: list[tuple[int, dict[str, str | int | None]]] = []
    concerned = {rule.rule for period in case.periods for pack in period.packs for rule in pack.rules}
    for name in sorted({pack.pack for period in case.periods for pack in period.packs}):
        for one in await activations_of(connection, name, ACTIVATIONS_MAX):
            told: dict[str, str | int | None] = {
                "pack": name, "version": one.pack.version, "rules": _versions(one.pack.content, concerned),
                "activated_by": one.activated_by, "approved_by": one.approved_by,
            }  # fmt: skip
            found.append((to_milliseconds(one.activated_at), told))
    for rule in sorted(concerned):
        for row in await find_temporary_limits(connection, (EVERYWHERE,), ACTIVATIONS_MAX, rule=rule, ended=True):
            told = {
                "temporary_limit": row.limit.number, "rule": rule, "rule_version": row.rule_version,
                "activated_by": row.requested_by, "approved_by": row.approved_by, "reason": row.reason,
            }  # fmt: skip
            found.append((to_milliseconds(row.begins_at), told))
    found.sort(key=lambda one: one[0])
    return [{"time": format_instant(time), **told} for time, told in found]


def _versions(content: str, concerned: Collection[str]) -> str | None:
    """Return the rules of concern in a pack with their versions, which journal lines bear; None of an older form."""
    try:
        rules = Pack.model_validate_json(content).rules
    except ValidationError:
        return None
    return ", ".join(f"{rule.rule} {rule.version}" for rule in rules if rule.rule in concerned)


def _decoded(lines: Sequence[ChainedLine]) -> list[JournalLine]:
    return [msgspec.json.decode(line.line, type=JournalLine) for line in lines]


def _known_at(line: ChainedLine) -> int:
    return parse_instant(msgspec.json.decode(line.line, type=JournalLine).known_at)
