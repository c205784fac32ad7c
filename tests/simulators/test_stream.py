"""The stream of a simulated platform: it repeats, arrives in order, goes into files and messages, and has a truth."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.instant import parse_instant
from model.reading import Quality
from model.reading_file import read_rows
from model.sensor import check_city, check_sensor
from model.sensor_file import read_sensor_file
from simulators.courses import COURSES
from simulators.events import Fault
from simulators.instruments import Samples, decimals_of, joined
from simulators.messages import live_messages, stream_messages, topic_of
from simulators.platforms import PLATFORMS, UnknownPlatform, load_platform
from simulators.scenarios import SCENARIOS, Scenario, Story, UnknownScenario, load_scenario
from simulators.stream import EXCEPTION_MS, GATEWAY_MS, WINDOW_H, default_start, hasten, simulate
from simulators.truth import TruthRow, hastened, read_truth, truth, write_truth
from simulators.write import shortest, write_readings, write_sensors

PLATFORM = load_platform("jiayuguan", share=0.02)
CALM = Scenario("calm", "", "2026-11-22T08:00", 86_400.0, lambda city, seed: Story(), ())
CLOUDBURST = load_scenario("cloudburst")
START_MS = default_start(CALM, PLATFORM)
LAMPS = ("lamp",)


def made(scenario: Scenario, duration_s: float, seed: int = 1, only: Iterable[str] | None = None) -> Samples:
    chunks = simulate(PLATFORM, scenario, seed, duration_s, only=None if only is None else set(only))
    return joined(list(chunks))


def told(*events: object) -> Scenario:
    return replace(CALM, tell=lambda city, seed: Story(list(events)))


def of_sensor(stream: Samples, name: str) -> Samples:
    mine = stream.sensor == [sensor.sensor for sensor in PLATFORM.sensors].index(name)
    return Samples(*(column[mine] for column in stream))


def first_of(thing: str) -> str:
    return next(sensor.sensor for sensor in PLATFORM.sensors if f"-{thing}-" in sensor.sensor)


# --- platforms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "cities"), [("jiayuguan", 1), ("jinchang", 1), ("yunnan", 16)])
@pytest.mark.parametrize("exercise", [False, True])
def test_a_platform_registers_its_sensors_in_cities_that_are_never_in_operation(name: str, cities: int, exercise: bool):
    platform = load_platform(name, share=0.01, exercise=exercise)
    assert len(platform.cities) == cities
    for city in platform.cities:
        check_city(city)
        assert city.mode == ("exercise" if exercise else "test")
    for sensor in platform.sensors:
        check_sensor(sensor)
    assert len({sensor.sensor for sensor in platform.sensors}) == len(platform.sensors)


def test_an_exercise_shares_neither_city_nor_sensor_with_the_platform_it_is_of():
    plain, exercise = (load_platform("yunnan", share=0.01, exercise=apart) for apart in (False, True))
    assert not {city.city for city in plain.cities} & {city.city for city in exercise.cities}
    assert not {sensor.sensor for sensor in plain.sensors} & {sensor.sensor for sensor in exercise.sensors}
    assert [s.longitude for s in plain.sensors] == [s.longitude for s in exercise.sensors]


def test_every_group_of_sensors_has_a_course():
    things = {group.thing for name in PLATFORMS for place in load_platform(name).places for group in place.groups}
    assert things == COURSES.keys()


def test_unknown_names_are_refused_with_those_that_exist():
    with pytest.raises(UnknownPlatform, match="jiayuguan"):
        load_platform("atlantis")
    with pytest.raises(UnknownScenario, match="quiet-day"):
        load_scenario("Quiet Day")


def test_scenarios_are_named_as_the_contract_has_them():
    assert all(name == name.lower() and " " not in name and "_" not in name for name in SCENARIOS)
    assert all(name == scenario.name for name, scenario in SCENARIOS.items())


# --- stream ----------------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_stream_and_another_seed_another():
    first, again, other = (made(CLOUDBURST, 4_000, seed) for seed in (4, 4, 5))
    for one, two in zip(first, again, strict=True):
        assert one.tobytes() == two.tobytes()
    assert len(first.time) != len(other.time) or (first.value != other.value).any()


def test_the_stream_is_in_order_of_arrival_within_its_duration_and_arrives_after_it_is_measured():
    stream = made(CALM, 8_000)
    assert (np.diff(stream.arrival) >= 0).all()
    assert stream.time.min() >= START_MS
    assert stream.arrival.max() < START_MS + 8_000_000
    assert (stream.arrival >= stream.time).all()
    assert (stream.quality == 0).all()


def test_each_sensor_speaks_at_its_interval_but_for_what_is_lost_or_doubled():
    stream = made(
        CALM, 6 * 3_600, only=[group.thing for group in PLATFORM.places[0].groups if group.system != "bridge"]
    )
    first = {sensor.sensor: k for k, sensor in enumerate(PLATFORM.sensors)}
    for sensor in PLATFORM.sensors:
        if sensor.system == "bridge" or sensor.reporting == "by_exception":
            continue
        times = np.unique(stream.time[stream.sensor == first[sensor.sensor]])
        slots = 6 * 3_600 / sensor.interval_s
        assert len(times) == pytest.approx(slots, abs=3 + 0.01 * slots), sensor.sensor


def test_a_longer_run_begins_with_the_shorter_one_and_a_group_reads_as_in_the_whole():
    long, short = made(CLOUDBURST, 9_000), made(CLOUDBURST, 5_000)
    for one, two in zip(long, short, strict=True):
        assert (one[: len(two)] == two).all()
    some = made(CLOUDBURST, 9_000, only=["road-depth"])
    whole = np.isin(long.sensor, np.unique(some.sensor))
    for one, two in zip(some, (column[whole] for column in long), strict=True):
        assert (one == two).all()


def test_nothing_breaks_where_one_window_of_the_solvers_ends_and_the_next_begins():
    things = ["slope", "air", "water-inflow", "heat-supply"]
    parts = list(itertools.islice(simulate(PLATFORM, CALM, 1, None, only=things), WINDOW_H - 3, WINDOW_H + 3))
    stream = joined(parts)
    for index in np.unique(stream.sensor).tolist():
        mine = stream.sensor == index
        order = np.argsort(stream.time[mine], kind="stable")
        steps = np.abs(np.diff(stream.value[mine][order]))
        border = np.searchsorted(stream.time[mine][order], START_MS + WINDOW_H * 3_600_000)
        assert steps[border - 1] <= max(3.0 * np.quantile(steps, 0.95), 0.2), PLATFORM.sensors[index].sensor


def test_values_are_multiples_of_the_resolution_within_the_sensors_scale():
    stream = made(CLOUDBURST, 3_600)
    for index in np.unique(stream.sensor).tolist():
        sensor = PLATFORM.sensors[index]
        resolution, value = float(sensor.attributes["resolution"]), stream.value[stream.sensor == index]
        assert value == pytest.approx(np.round(value / resolution) * resolution, abs=1e-9)
        factor, offset = sensor.conversion
        low, high = sensor.valid_range
        assert ((factor * value + offset >= low - 1e-9) & (factor * value + offset <= high + 1e-9)).all()


def test_what_speaks_through_one_gateway_arrives_together():
    stream = made(CALM, 3_600, only=LAMPS)
    gateways = np.asarray([sensor.attributes.get("gateway", "") for sensor in PLATFORM.sensors])[stream.sensor]
    for gateway in np.unique(gateways)[:5]:
        arrivals = stream.arrival[gateways == gateway]
        usual = np.bincount(arrivals % GATEWAY_MS).argmax()
        assert (arrivals % GATEWAY_MS == usual).mean() > 0.99


def test_a_device_that_sleeps_sends_what_it_has_when_it_wakes():
    stream = made(CALM, 6 * 3_600, only=["leak-noise"])
    logger = of_sensor(stream, first_of("leak-noise"))
    wakings, together = np.unique(logger.arrival // 60_000, return_counts=True)
    assert len(wakings) == pytest.approx(6, abs=1)
    assert np.median(together) == 4
    assert (logger.arrival - logger.time).max() > 2_400_000


def test_a_stream_without_end_goes_on_and_impossible_arguments_are_refused():
    hours = list(itertools.islice(simulate(PLATFORM, load_scenario("demo"), 1, None), 3))
    assert all(len(hour.time) > 1_000 for hour in hours)
    with pytest.raises(ValueError, match="seed"):
        next(simulate(PLATFORM, CALM, -1, 60))
    with pytest.raises(ValueError, match="duration"):
        next(simulate(PLATFORM, CALM, 1, 0))


def test_hastened_times_are_drawn_together():
    plain = made(CALM, 600)
    fast = joined(list(hasten(simulate(PLATFORM, CALM, 1, 600), START_MS, 10.0)))
    assert fast.time.tolist() == pytest.approx((START_MS + (plain.time - START_MS) / 10).tolist(), abs=0.5)
    assert (fast.value == plain.value).all()
    assert (fast.arrival >= fast.time).all()


# --- faults ----------------------------------------------------------------------------------------------------------

GAUGE = first_of("water-pressure")


def faulty(kind: str, size: float = 0.0, end_s: float = 5_400.0, sensor: str = GAUGE) -> tuple[Samples, Samples]:
    """A sensor without and with a fault from 1,800 s on."""
    fault = Fault(kind, frozenset({sensor}), 1_800.0, end_s, size)  # type: ignore[arg-type]
    things = [sensor.split("-", 1)[1].rsplit("-", 1)[0]]
    return of_sensor(made(CALM, 7_200, only=things), sensor), of_sensor(made(told(fault), 7_200, only=things), sensor)


def within(samples: Samples, end_s: float = 5_400.0) -> np.ndarray:
    return (samples.time >= START_MS + 1_800_000) & (samples.time < START_MS + 1000 * end_s)


def test_a_silent_sensor_says_nothing_in_its_spell_and_the_same_as_ever_outside_it():
    sound, silent = faulty("silent")
    assert not within(silent).any()
    assert silent.value.tolist() == sound.value[~within(sound)].tolist()


def test_what_an_outage_holds_back_comes_after_it_in_order_and_whole():
    sound, late = faulty("outage")
    assert sorted(late.time.tolist()) == sorted(sound.time.tolist())
    assert (late.arrival[within(late)] >= START_MS + 5_400_000).all()
    assert (np.diff(late.time) > 0).all()


def test_a_stuck_sensor_repeats_what_it_read_when_it_stuck():
    _, stuck = faulty("stuck")
    assert len(set(stuck.value[within(stuck)].tolist())) == 1
    assert len(set(stuck.value[~within(stuck)].tolist())) > 1


def test_a_sensor_that_sticks_repeats_one_value_across_the_windows_of_the_solvers():
    border_s = WINDOW_H * 3_600.0
    fault = Fault("stuck", frozenset({GAUGE}), border_s - 5_000.0, border_s + 3_000.0)
    hours = simulate(PLATFORM, told(fault), 1, None, only=["water-pressure"])
    stuck = of_sensor(joined(list(itertools.islice(hours, WINDOW_H - 2, WINDOW_H + 1))), GAUGE)
    seconds = (stuck.time - START_MS) / 1000.0
    inside = (seconds >= fault.start_s) & (seconds < fault.end_s)
    assert inside.sum() > 100
    assert len(set(stuck.value[inside].tolist())) == 1


def test_a_drift_grows_with_time_and_ends_with_the_spell():
    sound, drifting = faulty("drift", size=24.0)
    moved = drifting.value - sound.value
    hours = (drifting.time - START_MS - 1_800_000) / 3_600_000
    inside = within(drifting)
    assert moved[inside] == pytest.approx(np.minimum(hours[inside], 1.6 - 0.3), abs=0.06)
    assert moved[~inside] == pytest.approx(0.0, abs=1e-9)


def test_another_unit_multiplies_what_is_sent():
    sound, other = faulty("other_unit", size=1_000.0)
    assert other.value[within(other)] == pytest.approx(1_000.0 * sound.value[within(sound)])
    assert (other.value[~within(other)] == sound.value[~within(sound)]).all()


def test_a_wrong_clock_stamps_and_does_not_delay():
    sound, wrong = faulty("clock", size=28_800.0)
    shifted = wrong.time > START_MS + 20_000_000
    assert shifted.sum() == within(sound).sum()
    assert (wrong.arrival < START_MS + 7_200_000).all()


def test_spikes_dropouts_sentinels_and_batteries_do_what_they_are_named_for():
    sound, spiky = faulty("spikes", size=1.0, sensor=first_of("bridge-strain"))
    assert 0 < (np.abs(spiky.value - sound.value) > 0.3).sum() < 0.1 * within(sound).sum()
    _, thinned = faulty("dropouts", size=0.9)
    assert within(thinned).sum() < 0.5 * within(sound).sum()
    _, sentinel = faulty("sentinel", size=-9.0)
    assert (sentinel.value[within(sentinel)] == -9.0).all()
    _, dying = faulty("battery")
    assert dying.time.max() < START_MS + 5_400_000
    assert set(dying.quality[within(dying)].tolist()) == {Quality.REPORTED_UNCERTAIN}


def test_a_sensor_by_exception_speaks_of_a_change_within_a_look():
    story = load_scenario("restaurant-leak")
    city = PLATFORM.places[0]
    rows = [row for row in truth(PLATFORM, story, 1, 6 * 3_600, only=["gas-alarm"]) if row.severities]
    assert rows
    stream = made(story, 6 * 3_600, only=["gas-alarm"])
    alarm = of_sensor(stream, rows[0].sensor)
    heard = alarm.time[(alarm.time >= rows[0].start - EXCEPTION_MS) & (alarm.time <= rows[0].start + 900_000)]
    assert len(heard)
    assert len(stream.time) < 10 * len(next(group for group in city.groups if group.thing == "gas-alarm"))


# --- truth -----------------------------------------------------------------------------------------------------------


def test_a_truth_file_is_read_as_it_was_written(tmp_path: Path):
    rows = truth(PLATFORM, CLOUDBURST, 1, 6 * 3_600)
    assert rows == sorted(rows, key=lambda row: (row.start, row.sensor, row.what))
    assert any(row.severities for row in rows)
    write_truth(tmp_path / "t.csv", rows)
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "sensor,start,end,kind,note"
    assert list(read_truth(tmp_path / "t.csv")) == rows


def test_what_is_claimed_of_a_level_is_seen_in_its_readings():
    rows = [row for row in truth(PLATFORM, CLOUDBURST, 1, 6 * 3_600) if row.what == "flooding"]
    stream = made(CLOUDBURST, 6 * 3_600, only=["underpass", "road-depth"])
    limits = {"blue": 15.0, "yellow": 27.0, "orange": 40.0, "red": 60.0, "none": 1e9}
    above = dict(itertools.pairwise(limits))
    assert rows
    for row in rows:
        mine = of_sensor(stream, row.sensor)
        inside = (mine.time >= row.start - 60_000) & (mine.time <= row.end + 60_000)
        peak = mine.value[inside].max()
        assert limits[row.severities[0]] <= peak + 1.0
        assert peak < limits[above[row.severities[-1]]] + 1.0
        first = mine.time[inside][mine.value[inside] >= 15.0 - 1.0][0]
        assert abs(first - row.start) <= 180_000


def test_a_row_that_would_be_due_after_the_end_is_left_out():
    whole = truth(PLATFORM, CLOUDBURST, 1, 6 * 3_600)
    cut = truth(PLATFORM, CLOUDBURST, 1, 1.6 * 3_600)
    last = default_start(CLOUDBURST, PLATFORM) + 1.6 * 3_600_000
    assert 0 < len(cut) < len(whole)
    assert all(row.start + 1_000 * (row.within_s or 0) < last for row in cut)


def test_the_truth_of_a_hastened_stream_is_drawn_together_with_it():
    row = TruthRow("a", START_MS + 60_000, START_MS + 600_000, "gas", ("red",), 180.0, "")
    assert hastened(row, START_MS, 10.0) == row._replace(start=START_MS + 6_000, end=START_MS + 60_000, within_s=18.0)
    assert hastened(row._replace(within_s=None), START_MS, 2.0).within_s is None


def test_a_clear_day_has_an_empty_truth():
    assert truth(PLATFORM, CALM, 1, 86_400) == []


# --- files and messages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.ndjson", "a.ndjson.gz"])
def test_readings_files_repeat_byte_for_byte_and_parse_again(tmp_path: Path, name: str):
    dying = told(Fault("battery", frozenset({GAUGE}), 10.0, 300.0))
    paths = [tmp_path / folder / name for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        written = write_readings(path, PLATFORM, simulate(PLATFORM, dying, 1, 300))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [path.name for path in paths[0].parent.iterdir()] == [name]
    stream, rows = made(dying, 300), list(read_rows(paths[0]))
    assert len(rows) == written == len(stream.time)
    for row, time, index, value, arrival, quality in zip(rows, *stream, strict=True):
        assert (parse_instant(row.time), parse_instant(row.received_at)) == (time, arrival)
        assert row.sensor == PLATFORM.sensors[index].sensor
        assert float(row.value) == value
        assert row.quality == ("uncertain" if quality else "")
    assert any(row.quality for row in rows)


def test_an_interrupted_file_does_not_take_the_place_of_a_whole_one(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("as it was")

    def broken() -> Iterable[Samples]:
        yield from simulate(PLATFORM, CALM, 1, 60)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_readings(path, PLATFORM, broken())
    assert path.read_text() == "as it was"


def test_a_sensors_file_parses_again(tmp_path: Path):
    write_sensors(tmp_path / "s.csv", PLATFORM)
    sensors, cities = read_sensor_file(tmp_path / "s.csv")
    assert [s.sensor for s in sensors] == [s.sensor for s in PLATFORM.sensors]
    assert cities[0].mode == "test"


def test_numbers_are_written_shortest():
    assert [shortest(v) for v in (12.0, 12.5, 100.0, 0.05)] == ["12", "12.5", "100", "0.05"]
    assert [decimals_of(r) for r in (10.0, 1.0, 0.5, 0.1, 0.05, 0.001)] == [0, 0, 1, 1, 2, 3]


def test_messages_bring_every_reading_once_in_order_of_arrival_on_sensors_and_gateways_topics():
    messages = list(stream_messages(PLATFORM, simulate(PLATFORM, CALM, 1, 600)))
    stream = made(CALM, 600)
    assert [m.time for m in messages] == sorted(m.time for m in messages)
    by_id = {sensor.sensor: sensor for sensor in PLATFORM.sensors}
    found = []
    for message in messages:
        entries = json.loads(message.payload)
        city, place, device = message.topic.split("/")[1:]
        if place == "gateway":
            assert message.readings == len(entries)
            assert all(by_id[entry["sensor"]].attributes["gateway"] == device for entry in entries)
        else:
            entries = [{"sensor": device, **entries}]
            assert message.topic == topic_of(by_id[device])
        assert city == PLATFORM.cities[0].city
        found += [(entry["sensor"], parse_instant(entry["time"]), entry["value"]) for entry in entries]
    sent = [(PLATFORM.sensors[k].sensor, t, v) for t, k, v, *_ in zip(*stream, strict=True)]
    assert sorted(found) == sorted(sent)


def test_a_city_played_live_never_speaks_from_the_future():
    for message in live_messages(PLATFORM, CALM, 1, 1_800_000_000_000, speed=20.0, duration_s=600):
        entries = json.loads(message.payload)
        for entry in entries if isinstance(entries, list) else [entries]:
            assert 1_800_000_000_000 <= parse_instant(entry["time"]) <= message.time


def test_truth_rows_are_of_sensors_of_the_platform():
    names = {sensor.sensor for sensor in PLATFORM.sensors}
    rows: list[TruthRow] = truth(PLATFORM, load_scenario("gateway-dies"), 1, 4 * 3_600)
    assert rows
    assert {row.sensor for row in rows} <= names
    assert {row.what for row in rows} == {"silent"}
