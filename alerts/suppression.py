"""Suppression by design: which occurrences the rules keep quiet while another's condition is active; pure.

A rule says by which others it is suppressed, and in which area (words.SuppressedBy). An occurrence that begins while a
parent's condition is active there begins suppressed; one that stands is suppressed from the parent's begin on, unless
it is too grave. One that rises above what the rule allows is annunciated, and stays so for as long as that parent
lasts: what an operator has seen does not vanish because it fell a little. What returns while suppressed has ended; what
still stands when its last parent ends is released.

What is known at one instant is judged together, parents first: so neither the order of sensors within an instant nor
the cut into batches shows. Only conditions count, not alarm states: a parent that is itself suppressed, shelved or
acknowledged suppresses all the same, and so does one that is not annunciated.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from alerts.gateways import gateways_of
from alerts.places import area_of
from alerts.rules import Rule
from model.alarm import Alarm, ConditionChange
from model.registry import Registry
from model.sensor import Sensor
from model.severity import LABELS

CAUSE = "design"  # of the journal lines of what begins or ends by this alone


@dataclass(frozen=True, slots=True)
class Judged:
    """A change of a condition, and for the sake of which occurrence its own is suppressed after it; None for none."""

    change: ConditionChange
    suppressed_by: str | None

    @property
    def alarm(self) -> str:
        """The occurrence's id."""
        return self.change.alarm

    @property
    def known_at(self) -> int:
        """When the change was known, in epoch milliseconds."""
        return self.change.known_at


@dataclass(frozen=True, slots=True)
class Moved:
    """A standing occurrence that is suppressed from now on, by another than before, or no longer (None).

    Times are epoch milliseconds: of the parent's change (not before the occurrence itself), and of its arrival.
    """

    alarm: str
    rule: str
    sensor: str
    severity: int
    suppressed_by: str | None
    time: int
    known_at: int

    @property
    def reason(self) -> str:
        """The word for it in the journal."""
        return "parent_returned" if self.suppressed_by is None else "parent_active"


Step = Judged | Moved
_Place = tuple[str, str, str]  # the parent rule, the kind of area, and the area


@dataclass(frozen=True, slots=True)
class _Link:
    """What a rule says of a parent: `up_to` is a severity of model.severity."""

    child: str
    parent: str
    per: str
    area: Callable[[Sensor], str | None]
    up_to: int

    def place(self, sensor: Sensor | None) -> _Place | None:
        area = None if sensor is None else self.area(sensor)
        return None if area is None else (self.parent, self.per, area)


@dataclass(slots=True)
class _Child:
    """An occurrence that may be suppressed: where, up to which severity, and by which parent it is now."""

    alarm: str
    rule: str
    sensor: str
    raised: int
    severity: int
    places: list[tuple[_Place, int]]
    suppressed_by: str | None = None


class Suppressing:
    """Which occurrences stand and which parents are active, as far as the rules' suppressions need it.

    `rules` are the names of those that suppress or are suppressed.
    """

    def __init__(self, rules: Iterable[Rule], registry: Registry) -> None:
        rules = list(rules)
        self._registry = registry
        links = [
            _Link(rule.rule, by.rule, by.per, area_of(by.per), LABELS.index(by.up_to) + 1)
            for rule in rules
            for by in rule.suppressed_by
        ]
        self._by_child = _grouped(links, lambda link: link.child)
        self._by_parent = _grouped(links, lambda link: link.parent)
        self.rules = {*self._by_child, *self._by_parent}
        about_gateways = {rule.rule for rule in rules if rule.condition.kind == "gateway_silent"} & self.rules
        self._gateways = {g.name: g.keys[0] for g in gateways_of(registry)[0]} if about_gateways else {}
        self._about_gateways = about_gateways
        self._active: dict[_Place, dict[str, int]] = {}  # when the active occurrences of the parent were raised
        self._there: dict[_Place, dict[str, _Child]] = {}
        self._children: dict[str, _Child] = {}

    def recall(self, standing: Iterable[Alarm], unannounced: Iterable[ConditionChange], clock: int) -> list[Moved]:
        """Take what stands, as after recovery or under other rules, and return whose suppression has lost its ground.

        `standing` are the occurrences whose condition is active or that are suppressed by design, `unannounced` those
        that Engine.standing_unannounced tells of; `clock` is the log's (epoch milliseconds). After a mere recovery
        nothing is returned.
        """
        self._active, self._there, self._children = {}, {}, {}
        standing = sorted(standing, key=lambda alarm: alarm.alarm)
        for alarm in standing:
            if alarm.condition != "normal":
                self._begin(alarm.rule, self._sensor_of(alarm), alarm.alarm, alarm.raised)
        for change in unannounced:
            self._begin(change.rule, self._registry.sensors[change.sensor_key], change.alarm, change.raised)
        moved = []
        for alarm in standing:
            if alarm.suppressed_by is None and alarm.rule not in self._by_child:
                continue
            child = self._stand(
                alarm.alarm, alarm.rule, alarm.sensor, self._sensor_of(alarm), alarm.raised, alarm.severity
            )
            child.suppressed_by = alarm.suppressed_by
            if alarm.suppressed_by is not None:
                moved += self._settle(child, clock, clock)
        return moved

    def step(self, changes: Sequence[ConditionChange], unannounced: Sequence[ConditionChange] = ()) -> list[Step]:
        """Return in order what the life cycle is to do about a batch's changes; `unannounced` as in Evaluated.

        Changes that are retroactive neither suppress nor are suppressed: what was known then stands.
        """
        if not any(change.rule in self.rules for told in (changes, unannounced) for change in told):
            return [Judged(change, None) for change in changes]
        steps: list[Step] = []
        told = [*((change, True) for change in changes), *((change, False) for change in unannounced)]
        for _, instant in groupby(sorted(told, key=_instant), key=_instant):
            steps += self._judge(list(instant))
        return steps

    def _judge(self, told: Sequence[tuple[ConditionChange, bool]]) -> list[Step]:
        """Judge what is known at one instant: (change, whether it is annunciated)."""
        moved: list[tuple[_Place, ConditionChange]] = []
        for change, _ in told:
            if change.rule in self._by_parent and not change.retroactive:
                sensor = self._registry.sensors[change.sensor_key]
                if change.severity_from == 0:
                    moved += [
                        (place, change) for place in self._begin(change.rule, sensor, change.alarm, change.raised)
                    ]
                elif change.severity == 0:
                    moved += [(place, change) for place in self._end(change.rule, sensor, change.alarm)]
        steps: list[Step] = [Judged(change, self._change(change)) for change, is_told in told if is_told]
        for place, change in moved:
            for _, child in sorted(self._there.get(place, {}).items()):
                if child.suppressed_by == change.alarm or (child.suppressed_by is None and change.severity):
                    steps += self._settle(child, change.time, change.known_at)
        return steps

    def _begin(self, rule: str, sensor: Sensor | None, alarm: str, raised: int) -> list[_Place]:
        places = self._places_of_parent(rule, sensor)
        for place in places:
            self._active.setdefault(place, {})[alarm] = raised
        return places

    def _end(self, rule: str, sensor: Sensor, alarm: str) -> list[_Place]:
        places = self._places_of_parent(rule, sensor)
        for place in places:
            active = self._active.get(place, {})
            active.pop(alarm, None)
            if not active:
                self._active.pop(place, None)
        return places

    def _places_of_parent(self, rule: str, sensor: Sensor | None) -> list[_Place]:
        found = (link.place(sensor) for link in self._by_parent.get(rule, ()))
        return list(dict.fromkeys(place for place in found if place is not None))

    def _change(self, change: ConditionChange) -> str | None:
        """Take what a change makes of an occurrence, and return for whose sake it is suppressed then."""
        if change.rule not in self._by_child or change.retroactive:
            return None
        if change.severity_from == 0:
            sensor = self._registry.sensors[change.sensor_key]
            child = self._stand(change.alarm, change.rule, change.sensor, sensor, change.raised, change.severity)
            child.suppressed_by = self._parent_of(child)
            return child.suppressed_by
        found = self._children.get(change.alarm)
        if found is None:
            return None
        found.severity = change.severity
        if found.suppressed_by is not None:
            found.suppressed_by = self._parent_of(found)
        if change.severity == 0 and not (change.latches and found.suppressed_by is not None):
            self._forget(found)
            return None
        return found.suppressed_by

    def _settle(self, child: _Child, time: int, known_at: int) -> list[Moved]:
        """Bring a standing occurrence to its parents as they are now; return what that changes, if anything."""
        before, child.suppressed_by = child.suppressed_by, self._parent_of(child)
        if child.suppressed_by is None and child.severity == 0:
            self._forget(child)  # it had latched; now somebody resets it
        if child.suppressed_by == before:
            return []
        return [
            Moved(
                child.alarm, child.rule, child.sensor, child.severity, child.suppressed_by,
                max(time, child.raised), known_at,
            )
        ]  # fmt: skip

    def _parent_of(self, child: _Child) -> str | None:
        """For whose sake it is to be suppressed: the one for which it is, else the one that has lasted longest."""
        found = [self._active[p] for p, up_to in child.places if child.severity <= up_to and p in self._active]
        if any(child.suppressed_by in active for active in found):
            return child.suppressed_by
        lasting = ((raised, alarm) for active in found for alarm, raised in active.items())
        return min(lasting, default=(0, None))[1]

    def _stand(
        self, alarm: str, rule: str, sensor_id: str, sensor: Sensor | None, raised: int, severity: int
    ) -> _Child:
        found = ((link.place(sensor), link.up_to) for link in self._by_child.get(rule, ()))
        places = [(place, up_to) for place, up_to in found if place is not None]
        child = self._children[alarm] = _Child(alarm, rule, sensor_id, raised, severity, places)
        for place, _ in places:
            self._there.setdefault(place, {})[alarm] = child
        return child

    def _forget(self, child: _Child) -> None:
        self._children.pop(child.alarm, None)
        for place, _ in child.places:
            there = self._there.get(place, {})
            there.pop(child.alarm, None)
            if not there:
                self._there.pop(place, None)

    def _sensor_of(self, alarm: Alarm) -> Sensor | None:
        """The sensor that an alarm stands with; of a gateway its first."""
        keys = self._gateways if alarm.rule in self._about_gateways else self._registry.keys
        key = keys.get(alarm.sensor)
        return None if key is None else self._registry.sensors[key]


def _grouped(links: Iterable[_Link], by: Callable[[_Link], str]) -> dict[str, list[_Link]]:
    found: dict[str, list[_Link]] = {}
    for link in links:
        found.setdefault(by(link), []).append(link)
    return found


def _instant(told: tuple[ConditionChange, bool]) -> tuple[int, bool]:
    """When a change is known; a silence that is known at its own deadline, as in a back-test, after all else there.

    It is found by what comes after the deadline, so by another batch, perhaps, than what arrived at that time.
    """
    change, _ = told
    return change.known_at, change.cause == "silence" and change.severity > 0 and change.known_at == change.time
