"""Which messages a transition calls for: through which channel, when, and whether it is only counted. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from alerts.notification_file import Kind, NotificationFile, Route, Window
from alerts.occurrences import is_annunciation
from model.alarm import LABELS_WITH_NONE, SUPPRESSED_STATES, Alarm, JournalLine, Priority, State
from model.clock_span import DAYS, span_on
from model.instant import parse_instant, to_datetime, to_milliseconds
from model.severity import Severity
from store.journal import Place, Transition

RETROACTIVE_PAGE_AGE_S_MAX = 7_200.0
"""What became known later than this after its time is counted and not sent (invariant I4)."""

LATE_S = 3_600.0
"""A reading that came in order is late from this age on: only orange and red are sent, marked as late."""

RANKS: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2, "highest": 3}
_RETURNED = (
    State.NORMAL,
    State.RETURNED_UNACKNOWLEDGED,
    State.LATCHED_UNACKNOWLEDGED,
    State.LATCHED_ACKNOWLEDGED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What there is to tell: an alarm's journal line, and why it is told. `at` is when it became known.

    `severity` is that of the line; of a return, what it was before. Times are epoch milliseconds.
    """

    alarm: str
    sequence: int
    kind: Kind
    place: Place
    alarm_class: str
    priority: Priority
    severity: int
    mode: str
    at: int
    age_s: float = 0.0
    retroactive: bool = False

    @property
    def presses(self) -> bool:
        """Whether it is never folded, gathered or held back."""
        return self.severity == Severity.RED or self.priority == "highest" or self.kind == "escalated"

    @property
    def late(self) -> bool:
        """Whether it became known long after its time."""
        return self.retroactive or self.age_s > LATE_S

    @property
    def is_history(self) -> bool:
        """Whether it came so late that it is listed and nobody is called (invariant I4)."""
        return self.late and (self.severity < Severity.ORANGE or self.age_s > RETROACTIVE_PAGE_AGE_S_MAX)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message through a channel: `due` in epoch milliseconds, `gathers` for a digest, `folded_into` where counted."""

    occasion: Occasion
    channel: str
    route: str
    due: int
    gathers: bool = False
    folded_into: str | None = None


class Escalation(NamedTuple):
    """A step of an alarm's escalation: what was not done in time, and how often (`not_acknowledged_1`).

    `to` are people of the roster or channels; `since` is from when it was awaited, `at` when the step was due (epoch
    milliseconds).
    """

    alarm: Alarm
    place: Place
    step: str
    to: Sequence[str]
    since: int
    at: int


def occasion_of(transition: Transition) -> Occasion | None:
    """Return what a transition gives to tell, or None: nothing, or an exercise's (docs/decisions/0015)."""
    line = transition.line
    kind = None if line.mode == "exercise" else _kind(line)
    if kind is None:
        return None
    known_at = parse_instant(line.known_at)
    severity = line.severity_from if kind == "returned" else line.severity
    return Occasion(
        alarm=line.alarm,
        sequence=line.sequence,
        kind=kind,
        place=transition.place,
        alarm_class=line.class_,
        priority=line.priority,
        severity=LABELS_WITH_NONE.index(severity),
        mode=line.mode,
        at=known_at,
        age_s=(known_at - parse_instant(line.time)) / 1000,
        retroactive=line.retroactive,
    )


def escalation_of(escalation: Escalation) -> Occasion | None:
    """Return the occasion of an escalation; None for an exercise's."""
    alarm = escalation.alarm
    if alarm.mode == "exercise":
        return None
    return Occasion(
        alarm=alarm.alarm,
        sequence=alarm.sequence,
        kind="escalated",
        place=escalation.place,
        alarm_class=alarm.alarm_class,
        priority=alarm.priority,
        severity=(alarm.severity or alarm.peak_severity) if alarm.alarm_class == "process" else 0,
        mode=alarm.mode,
        at=escalation.at,
    )


def matching_routes(file: NotificationFile, occasion: Occasion, time_zone: str) -> list[Route]:
    """Return the routes that are for an occasion, in the file's order."""
    local = to_datetime(occasion.at).astimezone(ZoneInfo(time_zone))
    return [
        route
        for route in file.routes
        if occasion.kind in route.kinds
        and occasion.mode in route.modes
        and _among(occasion.place.city, route.cities)
        and _among(occasion.place.district, route.districts)
        and _among(occasion.place.system, route.systems)
        and _among(occasion.alarm_class, route.classes)
        and _among(occasion.priority, route.priorities)
        and _among(LABELS_WITH_NONE[occasion.severity] if occasion.alarm_class == "process" else None, route.severities)
        and (route.hours is None or end_of(route.hours, local) is not None)
    ]


def deliveries(
    file: NotificationFile, occasion: Occasion, time_zone: str, on_duty: Sequence[str] = ()
) -> list[Delivery]:
    """Return the messages of an occasion, one a channel: where several routes lead to one, the soonest that goes alone.

    `on_duty` are the people on duty for the occasion's place and time.
    """
    found: dict[str, Delivery] = {}
    for route in matching_routes(file, occasion, time_zone):
        due, gathers = _due(route, occasion, time_zone)
        folded = "late" if occasion.is_history else None
        for channel in _channels(file, route, on_duty):
            offered = Delivery(occasion, channel, route.route, due, gathers, folded)
            other = found.get(channel)
            if other is None or (offered.due, offered.gathers) < (other.due, other.gathers):
                found[channel] = offered
    return list(found.values())


def fold(
    asked: Iterable[Delivery],
    folded: Mapping[str, str],
    incidents: Mapping[str, str],
    told: Mapping[tuple[str, str], int],
) -> list[Delivery]:
    """Return the deliveries with those only counted that their channel need not hear, in order.

    `folded` gives by alarm a reason for which it is not told, such as `flood:POSITION`; `incidents` the incident that
    it belongs to, which folds what its channel was told of it already at the same or a higher severity: `told` has the
    highest, by incident and channel. Whatever the reason, an orange alarm is told that is the first orange one of its
    incident: one incident's flood must not hide another's beginning.
    """
    result = []
    known = dict(told)
    for delivery in asked:
        occasion = delivery.occasion
        reason, incident = folded.get(occasion.alarm), incidents.get(occasion.alarm)
        place = incident or "", delivery.channel
        told_already = known.get(place, -1) >= occasion.severity
        if reason is None and incident is not None and told_already:
            reason = f"incident:{incident}"
        if incident is not None and not told_already and occasion.severity == Severity.ORANGE:
            reason = None
        if reason is not None and delivery.folded_into is None and not occasion.presses:
            delivery = replace(delivery, gathers=False, folded_into=reason)
        if incident is not None and delivery.folded_into is None:
            known[place] = max(known.get(place, -1), occasion.severity)
        result.append(delivery)
    return result


def fold_steps(
    asked: Iterable[tuple[Escalation, Delivery]],
    incidents: Mapping[str, str],
    told: Mapping[tuple[str, str, str, int], int],
) -> list[tuple[Escalation, Delivery]]:
    """Return the deliveries of escalations with those only counted that their channel need not hear, in order.

    A channel hears of each step once for an incident, and again where the severity is higher, or where what is awaited
    began only after it heard: what was told then said nothing of it. `told` has when it last heard (epoch
    milliseconds), by incident, step, channel and severity.
    """
    result = []
    known = dict(told)
    for escalation, delivery in asked:
        incident, severity = incidents.get(escalation.alarm.alarm), delivery.occasion.severity
        if incident is not None:
            place = incident, escalation.step, delivery.channel
            as_grave = (known.get((*place, other), -1) for other in range(severity, Severity.RED + 1))
            if max(as_grave) >= escalation.since:
                delivery = replace(delivery, folded_into=f"incident:{incident}")
            else:
                known[*place, severity] = escalation.at
        result.append((escalation, delivery))
    return result


def end_of(window: Window, local: datetime) -> int | None:
    """Return when the window that holds a moment ends (epoch milliseconds); None where the moment is outside it.

    The moment has its city's zone; the window's begin belongs to it, its end does not.
    """
    for days_ago in (0, 1):
        begins, ends = span_on(local.date() - timedelta(days=days_ago), window.start, window.end, local.tzinfo)
        if DAYS[begins.weekday()] in window.days and begins <= local < ends:
            return to_milliseconds(ends)
    return None


def _kind(line: JournalLine) -> Kind | None:
    if is_annunciation(line):
        if line.from_ is State.NORMAL:
            return "raised"
        return "released" if line.from_ in SUPPRESSED_STATES else "risen"
    stood = line.from_ in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED)
    return "returned" if stood and line.condition == "normal" and line.to in _RETURNED else None


def _among(value: str | None, wanted: Sequence[str] | None) -> bool:
    return wanted is None or value in wanted


def _channels(file: NotificationFile, route: Route, on_duty: Sequence[str]) -> list[str]:
    if route.on_duty:
        of_people = dict.fromkeys(channel for person in on_duty for channel in file.channels_of(person))
        if of_people:
            return list(of_people)
    return route.channels


def _due(route: Route, occasion: Occasion, time_zone: str) -> tuple[int, bool]:
    """Return when a message goes (epoch milliseconds), and whether it goes in a digest."""
    if occasion.presses:
        return occasion.at, False
    local = to_datetime(occasion.at).astimezone(ZoneInfo(time_zone))
    if route.quiet_hours is not None and (end := end_of(route.quiet_hours, local)) is not None:
        return end, True
    if route.digest is not None and occasion.priority in route.digest.priorities:
        return _end_of_span(local, route.digest.every_min), True
    return occasion.at, False


def _end_of_span(local: datetime, minutes: int) -> int:
    """Return the end of the day's span of `minutes` that holds a moment; the day's last one ends at midnight."""
    midnight = datetime.combine(local.date(), time(), local.tzinfo)
    passed = (local.hour * 60 + local.minute) // minutes + 1
    if passed * minutes >= 1440:
        return to_milliseconds(datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo))
    return to_milliseconds(midnight + timedelta(minutes=passed * minutes))
