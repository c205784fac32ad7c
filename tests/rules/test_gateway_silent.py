"""A gateway that dies is one alarm: when it counts as silent, when it is back, and what is no gateway's silence."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.backtest import backtest
from alerts.checkpoint import Checkpoint, carry_over, encode_state, restore_state, save_state
from alerts.definition import Bound, definition_of, packed, unpacked_part
from alerts.engine import Engine
from alerts.explaining.concern import concern_of, narrowed
from model.alarm import encode_line, journal_order
from model.sensor import Sensor
from tests.rules.streams import SILENT_RULE, batch, engine, sensor, tick, told

GATEWAY_RULE = {**SILENT_RULE, "rule": "gateway", "class": "system", "condition": {"kind": "gateway_silent"}}
SILENT_BUT_FOR_THE_GATEWAY = {**SILENT_RULE, "suppressed_by": [{"rule": "gateway", "per": "attributes.gateway"}]}


def at(gateway: str, name: str, **more: Any) -> Sensor:
    return sensor(name, attributes={"gateway": gateway}, **more)


THREE = [at("g", "a"), at("g", "b"), at("g", "c")]  # every 60 s: silent after 180 s


def built(sensors: Sequence[Sensor] = THREE, **more: Any) -> Engine:
    return engine(GATEWAY_RULE, sensors=sensors, **more)


def heard(one: Engine, *arrivals: tuple[str, float]) -> list[tuple[float, int, int]]:
    return told(one.evaluate(batch(one, [(name, time, 1.0) for name, time in arrivals])).changes)


def test_it_is_silent_when_nothing_came_for_two_intervals() -> None:
    one = built()
    assert heard(one, ("a", 0), ("b", 20), ("c", 40)) == []
    assert told(one.evaluate(tick(160)).changes) == []
    (change,) = one.evaluate(tick(161)).changes
    assert (change.sensor, change.alarm_class, change.kind) == ("g", "system", "gateway_silent")
    assert (change.time / 1000, change.value, change.limit, change.sensor_key) == (160, 120, 120, 0)
    assert change.alarm.startswith("gateway.g.")


def test_a_reading_that_comes_later_tells_the_same_as_a_tick() -> None:
    one = built()
    heard(one, ("a", 0), ("b", 20), ("c", 40))
    assert heard(one, ("a", 300), ("b", 320), ("c", 340)) == [(160, 0, 1), (340, 1, 0)]


def test_it_is_back_when_all_that_fell_silent_with_it_are_heard() -> None:
    one = built()
    heard(one, ("a", 0), ("b", 20), ("c", 40))
    one.evaluate(tick(600))
    assert heard(one, ("b", 600), ("c", 610)) == []
    (change,) = one.evaluate(batch(one, [("a", 650, 1.0)])).changes
    assert (change.severity, change.time / 1000, change.reason) == (0, 650, "heard_again")
    assert change.value == 560  # seconds of silence


def test_what_does_not_come_back_with_it_is_waited_for_no_longer_than_it_may_be_silent() -> None:
    one = built()
    heard(one, ("a", 0), ("b", 20), ("c", 40))
    one.evaluate(tick(600))
    assert heard(one, *[("b", time) for time in range(600, 800, 60)]) == []
    assert heard(one, ("b", 840)) == [(840, 1, 0)]


def test_one_that_was_silent_before_is_not_waited_for() -> None:
    one = built()
    heard(one, ("a", 0), *[(name, time) for time in range(20, 500, 20) for name in "bc"])
    assert told(one.evaluate(tick(700)).changes) == [(600, 0, 1)]
    assert heard(one, ("b", 900), ("c", 900)) == [(900, 1, 0)]


def test_one_sensor_that_fails_is_not_its_gateway() -> None:
    fast, slow = at("g", "a"), at("g", "b", interval_s=300.0)
    one = built([fast, slow])
    assert heard(one, ("a", 0), *[("b", time) for time in range(10, 6_000, 300)]) == []


def test_two_of_its_sensors_must_be_late_before_it_counts_as_silent() -> None:
    one = built([at("g", "a"), at("g", "b", interval_s=300.0)])
    heard(one, ("b", 0), ("a", 10))
    assert told(one.evaluate(tick(10_000)).changes) == [(360, 0, 1)]  # b should have come at 300


def test_those_that_were_silent_already_prove_nothing() -> None:
    one = built([at("g", "a"), at("g", "b")])
    heard(one, ("b", 0), *[("a", time) for time in range(10, 400, 10)])
    assert told(one.evaluate(tick(10_000)).changes) == []


@pytest.mark.parametrize(
    ("others", "silent"),
    [
        pytest.param([], False, id="one sensor is no gateway"),
        pytest.param([{"reporting": "by_exception"}] * 3, False, id="silence of those that may be silent says nothing"),
        pytest.param([{"reporting": "by_exception", "silence_s_max": 90_000.0}], False, id="late after a day only"),
        pytest.param([{"silence_s_max": 400.0}], True, id="one with a limit of its own"),
    ],
)
def test_what_makes_a_gateway(others: Sequence[dict[str, Any]], silent: bool) -> None:
    one = built([at("g", "a"), *(at("g", f"other{place}", **more) for place, more in enumerate(others))])
    heard(one, ("a", 0), *[(f"other{place}", 1 + place) for place in range(len(others))])
    assert bool(one.evaluate(tick(3_600)).changes) == silent


def test_those_that_speak_by_exception_alone_are_given_their_limit_in_full() -> None:
    daily = {"reporting": "by_exception", "silence_s_max": 90_000.0}
    one = built([at("g", "a", **daily), at("g", "b", **daily)])
    assert heard(one, *[(name, day * 86_400 + 10 * place) for day in range(5) for place, name in enumerate("ab")]) == []
    assert told(one.evaluate(tick(10**6)).changes) == [(4 * 86_400 + 10 + 90_000, 0, 1)]


def test_any_sensor_s_reading_shows_that_the_gateway_lives() -> None:
    one = built([*THREE, at("g", "d", reporting="by_exception")])
    assert heard(one, ("a", 0), ("b", 0), ("c", 0), *[("d", time) for time in range(60, 1_000, 60)]) == []


def test_a_repeated_reading_does_not() -> None:
    one = built()
    heard(one, ("a", 0), ("b", 20), ("c", 40))
    one.evaluate(batch(one, [("a", 0, 1.0), ("b", 20, 1.0)], arrived=[100, 110]))
    assert told(one.evaluate(tick(161)).changes) == [(160, 0, 1)]


def test_while_the_service_did_not_listen_no_gateway_was_silent() -> None:
    one = built(clock_gap_ms_max=15_000)
    heard(one, ("a", 0), ("b", 0), ("c", 0))
    one.evaluate(tick(10))
    for clock in range(10_000, 10_110, 10):
        assert told(one.evaluate(tick(clock)).changes) == []
    assert told(one.evaluate(tick(10_111)).changes) == [(10_110, 0, 1)]


def test_gateways_that_were_never_heard_are_silent_from_when_they_were_bound() -> None:
    one = built([*THREE, at("h", "d"), at("h", "e")])
    heard(one, ("a", 1_000), ("b", 1_000), ("c", 1_000))
    assert {(c.sensor, c.time / 1000) for c in one.evaluate(tick(2_000)).changes} == {("g", 1_120), ("h", 1_120)}


@pytest.mark.parametrize("name", ["a post", "", "灯杆", "x" * 65, "a/b"])
def test_a_name_that_no_alarm_can_bear_does_not_bind_and_is_told(name: str) -> None:
    one = built([at(name, "a"), at(name, "b"), at("g", "c"), at("g", "d")])
    assert one.gateways.names == ["g"]
    assert one.unbound == ([("gateway", f"gateway {name!r}")] if name else [])


def test_gateways_of_two_cities_may_have_one_name() -> None:
    one = built([at("g", "a"), at("g", "b"), at("g", "c", city="other"), at("g", "d", city="other")])
    assert one.gateways.names == ["c.g", "other.g"]
    changes = one.evaluate(batch(one, [(name, time, 1.0) for time in range(0, 1_000, 60) for name in "ab"])).changes
    assert [change.sensor for change in changes] == ["other.g"]


def test_a_part_of_the_registry_names_its_gateways_as_the_whole_does() -> None:
    here, elsewhere = [at("g", name) for name in "ab"], [at("g", name, city="other") for name in "de"]
    whole = built([*here, *elsewhere, at("h", "f"), at("h", "i")])
    kept = packed(definition_of(whole))
    for name in whole.gateways.names:
        concern = concern_of(whole.packs, whole.registry, "gateway", name)
        for bound in (Bound(whole.packs, whole.registry), unpacked_part(1, kept, set(concern.sensors))):
            part = narrowed(*bound, concern)
            assert Engine(*part).gateways.names == Engine(*narrowed(*part, concern)).gateways.names == [name]
    assert whole.gateways.names == ["c.g", "other.g", "h"]


def test_a_rule_watches_the_gateways_of_the_sensors_it_selects() -> None:
    rule = {**GATEWAY_RULE, "select": {"district": "north"}}
    sensors = [at("g", "a", district="north"), at("g", "b", district="north"), at("h", "c"), at("h", "d")]
    assert engine(rule, sensors=sensors).gateways.names == ["g"]


def test_an_override_gives_another_priority() -> None:
    more = {"overrides": [{"select": {"district": "north"}, "priority": "high"}]}
    one = engine({**GATEWAY_RULE, **more}, sensors=[at("g", name, district="north") for name in "ab"])
    heard(one, ("a", 0), ("b", 0))
    assert [change.priority for change in one.evaluate(tick(1_000)).changes] == ["high"]


def test_its_state_goes_over_to_other_sensors_and_it_is_withdrawn_when_none_is_left() -> None:
    before = built()
    heard(before, ("a", 0), ("b", 20), ("c", 40))
    (raised,) = before.evaluate(tick(161)).changes
    without_a = built([at("g", "z"), at("g", "c"), at("g", "b")])
    assert carry_over(before, without_a) == []
    (ended,) = without_a.evaluate(batch(without_a, [(name, 200, 1.0) for name in "bcz"])).changes
    assert (ended.alarm, ended.severity, ended.sensor_key) == (raised.alarm, 0, 0)
    gone = built([sensor("b")])
    (withdrawn,) = carry_over(before, gone)
    assert (withdrawn.alarm, withdrawn.severity, withdrawn.cause) == (raised.alarm, 0, "rule")


def test_a_checkpoint_of_before_there_were_gateways_is_taken() -> None:
    for rule, is_taken in ((SILENT_RULE, True), (GATEWAY_RULE, False)):
        saved = msgspec.msgpack.decode(save_state(engine(rule, sensors=THREE)), type=Checkpoint)
        del saved.arrays["gateway_silent"]
        if is_taken:
            restore_state(engine(rule, sensors=THREE), encode_state(saved))
        else:
            with pytest.raises(ValueError, match="gateway_silent"):
                restore_state(engine(rule, sensors=THREE), encode_state(saved))


CITY = [
    at("g", "a"), at("g", "b"), at("g", "c", interval_s=150.0), at("h", "d"), at("h", "e", interval_s=300.0),
    at("h", "f", reporting="by_exception"), sensor("lone"),
]  # fmt: skip


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[str, float]]:
    """Arrivals of the city's sensors, many of them at one instant, with outages of one or all."""
    clock, found = 0, []
    for _ in range(draw(st.integers(1, 40))):
        clock += draw(st.sampled_from([1, 10, 20, 40, 60, 60, 60, 120, 120, 180, 300, 500, 2_000]))
        names = draw(st.lists(st.sampled_from([one.sensor for one in CITY]), min_size=1, max_size=7, unique=True))
        found += [(name, float(clock)) for name in names]
    return found


def journal(rows: Sequence[tuple[str, float]], cuts: Sequence[int]) -> list[str]:
    """The journal of a back-test over the arrivals, cut into batches; one instant is never parted."""
    one = engine(GATEWAY_RULE, SILENT_BUT_FOR_THE_GATEWAY, sensors=CITY)
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(rows) and rows[cut][1] > rows[cut - 1][1]}), len(rows)]
    batches = [batch(one, [(name, time, 1.0) for name, time in rows[start:end]]) for start, end in pairwise(edges)]
    return [encode_line(line) for line in sorted(backtest(one, batches), key=journal_order)]


@settings(max_examples=300)
@given(arrivals(), st.lists(st.integers(1, 200), max_size=10), st.randoms(use_true_random=False))
def test_neither_the_cut_into_batches_nor_the_order_within_an_instant_shows(
    rows: list[tuple[str, float]], cuts: list[int], random: Any
) -> None:
    whole = journal(rows, [])
    assert journal(rows, cuts) == whole
    assert journal(rows, range(1, len(rows))) == whole
    shuffled = sorted(rows, key=lambda row: (row[1], random.random()))
    assert journal(shuffled, cuts) == whole


@settings(max_examples=150)
@given(arrivals(), st.integers(0, 200))
def test_a_restart_from_a_checkpoint_changes_nothing(rows: list[tuple[str, float]], cut: int) -> None:
    without, before, after = (engine(GATEWAY_RULE, SILENT_RULE, sensors=CITY) for _ in range(3))
    first, second = rows[: cut % len(rows)], rows[cut % len(rows) :]
    expected = [change for part in (first, second) if part for change in _changes(without, part)]
    found = _changes(before, first) if first else []
    restore_state(after, save_state(before))
    assert found + _changes(after, second) == expected


def _changes(one: Engine, rows: Sequence[tuple[str, float]]) -> list[Any]:
    return one.evaluate(batch(one, [(name, time, 1.0) for name, time in rows])).changes
