"""Why a rule fired or did not, told whole: the explanation, what kept the alarm quiet, and whose limits they were."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from alerts.explaining.concern import NotBound
from alerts.explaining.explanation import Explanation, explain
from alerts.explaining.smallest import NoneFound
from alerts.explaining.words import Activation, Quiet
from alerts.temporary_limits import as_designed, number_of
from app.cases import CaseLimits, FoundCase, read_case
from model.alarm import SUPPRESSED_STATES, JournalLine, State
from model.instant import parse_instant, to_datetime, to_milliseconds
from store.alarms import lines_of_occurrence
from store.pool import Connection
from store.rule_packs import activation_at
from store.sensor_search import sensors_within
from store.suppressions import suppressions_held
from store.temporary_limits import TemporaryLimitRow, find_temporary_limits

LINES_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What stands around a case: the rule's `alarm` then and its state, and what kept it quiet.

    `temporary` is the limit that held there for a time, if one did. `within` are the sensors of concern, by id, within
    the caller's areas; `elsewhere` is how many others there are.
    """

    found: FoundCase
    alarm: str | None
    state: str | None
    quiet: list[Quiet]
    activation: Activation | None
    temporary: TemporaryLimitRow | None
    within: frozenset[str]
    elsewhere: int


async def read_facts(
    connection: Connection, rule: str, sensor: str, time: int, now: int, areas: Sequence[str], limits: CaseLimits
) -> Facts | None:
    """Return the facts of a rule at a sensor (or gateway), None where it is not within the areas.

    Raises app.cases.NoCase and alerts.explaining.concern.NotBound as read_case does.
    """
    try:
        found = await read_case(connection, rule, sensor, time, now, limits)
    except NotBound:
        if await sensors_within(connection, [sensor], areas):
            raise
        return None
    time = found.case.time
    registry = found.case.period.registry
    names = [registry.sensors[key].sensor for key in found.concern.sensors]
    within = await sensors_within(connection, names, areas)
    if names[0] not in within:
        return None
    lines = [
        msgspec.json.decode(line, type=JournalLine)
        for line in await lines_of_occurrence(connection, rule, sensor, time, LINES_MAX)
    ]
    quiet = _by_rules(lines) + [
        Quiet(kind=one.kind.value, by=one.actor, since=one.begins, until=one.ends, reason=one.reason)
        for one in await suppressions_held(connection, [sensor], time, time)
        if one.rule in (None, rule) and (one.ends is None or time < one.ends)
    ]
    pack = found.pack.model_copy(update={"rules": [as_designed(one) for one in found.pack.rules]})
    activated = await activation_at(connection, pack.pack, pack.version, to_datetime(time))
    its_sensor = registry.sensors[found.concern.sensors[0]]
    overrides = next(one.overrides for one in found.pack.rules if one.rule == rule)
    counts = next((one for one in reversed(overrides) if one.select.agrees(its_sensor)), None)
    number = None if counts is None else number_of(counts)
    temporary = [] if number is None else await find_temporary_limits(connection, areas, 1, number=number, ended=True)
    return Facts(
        found=found,
        alarm=lines[-1].alarm if lines else None,
        state=lines[-1].to.value if lines else None,
        quiet=quiet,
        activation=None if activated is None else Activation(
            time=to_milliseconds(activated[0]), by=activated[1], approved_by=activated[2]
        ),
        temporary=next(iter(temporary), None),
        within=frozenset(within),
        elsewhere=len(set(names) - within),
    )  # fmt: skip


def _by_rules(lines: Sequence[JournalLine]) -> list[Quiet]:
    """Return what the rules suppress an occurrence for, by its journal so far."""
    since, by = None, ""
    for line in lines:
        if line.to is not State.SUPPRESSED_BY_DESIGN:
            since = None if line.to not in SUPPRESSED_STATES else since
            continue
        details = line.details or {}
        if "suppressed_by" in details:
            since, by = parse_instant(line.known_at), str(details["suppressed_by"])
    return [] if since is None else [Quiet(kind="rule", by=by.partition(".")[0], since=since)]


async def explained(facts: Facts) -> Explanation:
    """Return the explanation of the facts' case, without what tells of sensors beyond the caller's areas."""
    explanation = await asyncio.to_thread(explain, facts.found.case)
    if not facts.elsewhere:
        return explanation
    seen = facts.within | {facts.found.case.sensor}
    then, now = (
        msgspec.structs.replace(view, readings=[one for one in view.readings if one.sensor in seen])
        for view in (explanation.then, explanation.now)
    )
    smallest = [one for one in explanation.smallest if all(edit.sensor in seen for edit in one.edits)]
    none_found: NoneFound | None = explanation.none_found
    if explanation.smallest and not smallest:
        none_found = "elsewhere"
    return msgspec.structs.replace(explanation, then=then, now=now, smallest=smallest, none_found=none_found)
