"""Which alarms belong together: for each pair of systems, the relations that count, and how far they reach.

The limits are the project's own; they follow the distances at which the things are laid and watched: gauges half a
kilometre apart, manholes some fifty metres, substations a few hundred.
"""

from dataclasses import dataclass

from model.incident import Member, Relation

HOUR_S = 3_600.0
QUIET_S = 6 * HOUR_S
"""An incident that no alarm has joined for so long takes no more: what comes later is another one."""
GATEWAY_S = 6 * HOUR_S  # a logger that sleeps is missed hours after its gateway died
REPORT_M = 500.0  # a caller names the next crossing
RAIN_PROPERTY = "rainfall"

STRENGTH: tuple[Relation, ...] = (
    "operator", "same_sensor", "same_gateway", "same_asset", "same_pipe", "downstream", "upstream", "connected",
    "same_district", "near", "rain",
)  # fmt: skip
"""The relations, the strongest first: that is the reason that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far alarms of two systems may lie apart: straight (m), through the network (m and links), in time (s).

    0 for a relation that does not count. `directed`: only along the flow, as water runs in sewers.
    """

    near_m: float = 0.0
    path_m: float = 0.0
    links_max: int = 0
    directed: bool = False
    rain_m: float = 0.0
    within_s: float


REACHES: dict[frozenset[str], Reach] = {
    frozenset({"water"}): Reach(near_m=500, path_m=2_000, links_max=10, within_s=2 * HOUR_S),
    frozenset({"drainage"}): Reach(near_m=300, path_m=1_000, links_max=10, directed=True, within_s=3 * HOUR_S),
    frozenset({"gas"}): Reach(near_m=150, path_m=400, links_max=4, within_s=6 * HOUR_S),
    frozenset({"heating"}): Reach(near_m=500, path_m=3_000, links_max=15, within_s=6 * HOUR_S),
    frozenset({"displacement"}): Reach(near_m=200, within_s=6 * HOUR_S),
    frozenset({"bridge"}): Reach(near_m=300, within_s=6 * HOUR_S),
    frozenset({"weather"}): Reach(near_m=20_000, within_s=3 * HOUR_S),
    frozenset({"lighting"}): Reach(near_m=300, within_s=HOUR_S),
    frozenset({"weather", "drainage"}): Reach(rain_m=6_000, within_s=3 * HOUR_S),
    frozenset({"weather", "displacement"}): Reach(rain_m=6_000, within_s=6 * HOUR_S),
    frozenset({"water", "drainage"}): Reach(near_m=100, within_s=2 * HOUR_S),  # a burst floods the road
    frozenset({"water", "displacement"}): Reach(near_m=50, within_s=6 * HOUR_S),  # and washes the ground out
    frozenset({"gas", "displacement"}): Reach(near_m=50, within_s=6 * HOUR_S),
}


def reach_of(one: str, other: str) -> Reach | None:
    """Return how far alarms of two systems may lie apart; None where they have nothing to do with each other."""
    return REACHES.get(frozenset({one, other}))


def partners(system: str) -> list[str]:
    """Return the systems whose alarms may belong to those of one, in order."""
    return sorted({other for pair in REACHES if system in pair for other in (pair - {system} or pair)})


def is_silence(member: Member) -> bool:
    """Whether a dead gateway would explain the alarm."""
    return member.alarm_class == "system" or (member.alarm_class == "instrument" and member.condition_kind == "stale")


def is_rain(member: Member) -> bool:
    """Whether the alarm tells of rain."""
    return member.alarm_class == "process" and member.observed == RAIN_PROPERTY


def is_burst(member: Member) -> bool:
    """Whether the alarm's rule looks at the pressures of a whole district; its sensor is only their voice."""
    return member.observed == "water_pressure" and member.condition_kind == "combination"


def is_placed(member: Member) -> bool:
    """Whether the alarm's own sensor says where it lies; not so for the voice of a whole district."""
    return not (is_burst(member) and member.district)


def within_s(one: Member, other: Member, seconds: float) -> bool:
    """Whether two alarms lie within so many seconds, by the times of their causes."""
    return abs(one.time - other.time) <= seconds * 1000.0
