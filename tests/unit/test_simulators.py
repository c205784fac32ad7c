"""The simulated cities: physics against its solutions, streams that repeat, truth that agrees, and publishing."""

import asyncio
import gzip
import itertools
import json
import math
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.instant import format_instant, parse_instant
from model.reading_file import read_rows
from model.sensor import check_city, check_sensor
from model.sensor_file import read_sensor_file
from simulators.instruments import decimals_of
from simulators.messages import Message, gateway_messages, live_messages, stream_messages, topic_of
from simulators.physics.drainage import LowPoint, Manhole, keifer_chu, manhole_level_m, rain_blocks, road_depth_cm
from simulators.physics.first_order import first_order, superpose
from simulators.physics.gas import Chamber, hole_flow_m3_h, inflow_for, methane_lel
from simulators.physics.ground import (
    Episode,
    Slope,
    slope_displacement_mm,
    slope_rate_mm_d,
    voight_displacement,
    voight_rate,
)
from simulators.physics.hydraulics import Node, burst_demand, demand_factor, pressure_mpa
from simulators.platforms import UnknownPlatform, load_platform
from simulators.publish import BrokerUnreachable, Progress, publish
from simulators.record import record, rows_of
from simulators.replay import replay_file, replay_messages
from simulators.scenarios import SCENARIOS, UnknownScenario, load_scenario
from simulators.stream import DEFAULT_START_MS, JITTER_SHARE, Chunk, hasten, simulate
from simulators.truth import LADDERS, PRESSURE_FALLS_MPA, Signal, ladder_of, pressure_falls, truth
from simulators.write import shortest, write_readings, write_sensors, write_truth

PLATFORM = load_platform("jiayuguan")
QUIET, DEMO = load_scenario("quiet-day"), load_scenario("demo")


# --- physics ---------------------------------------------------------------------------------------------------------


def test_first_order_follows_the_exponential_and_holds_before_the_first_piece():
    times = np.linspace(-50.0, 500.0, 200)
    got = first_order(times, [0.0], [8.0], [60.0], initial=2.0)
    assert got == pytest.approx(np.where(times < 0, 2.0, 8.0 + (2.0 - 8.0) * np.exp(-times / 60.0)))


def test_first_order_agrees_with_fine_steps_over_several_pieces():
    starts, targets, constants = [0.0, 100.0, 250.0], [5.0, -1.0, 3.0], [40.0, 90.0, 20.0]
    times = np.arange(0.0, 400.0, 0.01)
    stepped, y = np.empty_like(times), 0.0
    for i, t in enumerate(times):
        stepped[i] = y
        piece = np.searchsorted(starts, t, side="right") - 1
        y += 0.01 * (targets[piece] - y) / constants[piece]
    assert first_order(times, starts, targets, constants) == pytest.approx(stepped, abs=2e-3)


def test_overlapping_inputs_add_up():
    assert superpose([(0.0, 10.0, 1.0), (5.0, 20.0, 2.0)]) == ([0.0, 5.0, 10.0, 20.0], [1.0, 3.0, 2.0, 0])


def test_gas_in_a_chamber_rises_and_falls_as_the_well_mixed_box():
    chamber = Chamber(volume_m3=6.0, ventilation_m3_h=20.0)
    inflow = inflow_for(chamber, 40.0)
    times = np.linspace(0.0, 20_000.0, 500)
    filling, emptying = 3600 * 6.0 / (20.0 + inflow), 3600 * 6.0 / 20.0
    top = 40.0 * (1 - math.exp(-9_000 / filling))
    expected = np.where(
        times < 1_000,
        0.0,
        np.where(
            times < 10_000,
            40.0 * (1 - np.exp(-(times - 1_000) / filling)),
            top * np.exp(-(times - 10_000) / emptying),
        ),
    )
    assert methane_lel(times, chamber, [(1_000.0, 10_000.0, inflow)]) == pytest.approx(expected, abs=1e-9)


def test_gas_through_a_hole_is_choked_above_the_critical_ratio_and_proportional_to_pressure_there():
    absolute = (200.0 + 101.325) / (400.0 + 101.325)
    assert hole_flow_m3_h(3.0, 200.0) / hole_flow_m3_h(3.0, 400.0) == pytest.approx(absolute)
    assert hole_flow_m3_h(3.0, 0.0) == 0.0
    assert hole_flow_m3_h(3.0, 84.0) == pytest.approx(hole_flow_m3_h(3.0, 85.5), rel=0.02)
    bernoulli = 0.62 * math.pi * 1.5e-3**2 * math.sqrt(2 * 2_500 / 0.68) * 3600
    assert hole_flow_m3_h(3.0, 2.5) == pytest.approx(bernoulli, rel=0.02)


def test_demand_has_mean_one_and_its_minimum_at_night():
    local = np.arange(0.0, 86_400.0, 60.0)
    demand = demand_factor(local)
    assert demand.mean() == pytest.approx(1.0)
    assert local[demand.argmin()] / 3600 == pytest.approx(2.5, abs=0.1)
    assert 0.4 < demand.min() < demand.max() < 1.3


def test_a_burst_lowers_the_pressure_by_the_added_friction():
    node, times = Node(static_mpa=0.36, loss_mpa=0.04), np.array([0.0, 1e6])
    extra = burst_demand(times, [(10.0, 2e6, 1.2)])
    assert extra == pytest.approx([0.0, 1.2])
    assert pressure_mpa(node, 1.0 + extra) == pytest.approx([0.32, 0.36 - 0.04 * 2.2**1.852])


def test_a_chicago_storm_brings_its_depth_with_the_peak_where_it_was_asked():
    blocks = keifer_chu(45.0, 3_600.0, 60, peak_ratio=0.4)
    assert sum(blocks) / 60 == pytest.approx(45.0)
    assert int(np.argmax(blocks)) in (23, 24)
    whole = 60 / (60 + 10.0) ** 0.75
    peak = 6.0 / (6.0 + 10.0) ** 0.75
    # The six wettest minutes around the peak fall as the six-minute storm of the same formula.
    assert sum(blocks[i] for i in range(21, 28)) / 60 > 45.0 * peak / whole > sum(blocks[22:26]) / 60


def test_water_on_the_road_follows_the_linear_reservoir():
    point = LowPoint(30_000.0, runoff=0.9, drained_m3_s=0.1, pond_m2=1_500.0, recession_s=1_200.0)
    rain = rain_blocks(0.0, 1_800.0, [80.0])
    times = np.linspace(0.0, 6_000.0, 300)
    inflow = 80.0 / 3.6e6 * 30_000 * 0.9 - 0.1
    full = 100 * inflow / 1_500.0 * 1_200.0
    top = full * (1 - math.exp(-1_800 / 1_200))
    expected = np.where(times < 1_800, full * (1 - np.exp(-times / 1_200)), top * np.exp(-(times - 1_800) / 1_200))
    assert road_depth_cm(times, point, rain) == pytest.approx(expected)
    assert road_depth_cm(times, point, rain_blocks(0.0, 1_800.0, [10.0])).max() == 0.0


def test_a_manhole_stands_at_its_dry_level_and_never_far_above_ground():
    manhole = Manhole(0.6, 2.6, 0.15, catchment_m2=20_000.0, runoff=0.6, storage_m2=200.0, recession_s=1_500.0)
    times, steady = np.linspace(0.0, 10_000.0, 100), np.ones(100)
    assert manhole_level_m(times, manhole, [], steady) == pytest.approx(0.15)
    level = manhole_level_m(times, manhole, [(0.0, 1e5, 20.0)], steady)
    rise = 20.0 / 3.6e6 * 12_000 / 200.0 * 1_500.0
    assert level == pytest.approx(0.15 + rise * (1 - np.exp(-times / 1_500)))
    assert manhole_level_m(times, manhole, [(0.0, 1e5, 500.0)], steady).max() == pytest.approx(2.7)


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0])
def test_accelerating_creep_solves_voights_equation(alpha: float):
    elapsed, failure, onset = np.linspace(0.0, 9.5, 20_001), 10.0, 0.7
    rate = voight_rate(elapsed, failure, onset, alpha)
    coefficient = onset ** (1 - alpha) / (failure * (alpha - 1))
    inner = slice(1, -1)
    np.testing.assert_allclose(np.gradient(rate, elapsed)[inner], coefficient * rate[inner] ** alpha, rtol=1e-4)
    moved = voight_displacement(elapsed, failure, onset, alpha)
    np.testing.assert_allclose(np.gradient(moved, elapsed)[inner], rate[inner], rtol=1e-4)


def test_inverse_velocity_falls_on_a_straight_line_to_the_failure():
    elapsed = np.linspace(0.0, 9.0, 50)
    assert 1 / voight_rate(elapsed, 10.0, 0.5) == pytest.approx((1 - elapsed / 10.0) / 0.5)


def test_an_episode_of_creep_starts_peaks_holds_and_dies_away_and_moves_by_its_integral():
    episode = Episode(1_000.0, 9_000.0, onset_mm_d=1.0, peak_mm_d=40.0, held_s=600.0, decay_s=800.0)
    slope, times = Slope(creep_mm_d=0.3), np.arange(0.0, 20_000.0, 0.5)
    rate = slope_rate_mm_d(times, slope, [episode])
    peak = 1_000.0 + 8_000.0 * (1 - 1 / 40)
    assert episode.peak_s == pytest.approx(peak)
    assert rate[times < 1_000] == pytest.approx(0.3)
    assert rate[(times >= peak) & (times <= peak + 600)] == pytest.approx(40.3)
    after = times > peak + 600
    assert rate[after] == pytest.approx(0.3 + 40.0 * np.exp(-(times[after] - peak - 600) / 800))
    integral = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * 0.5 / 86_400)])
    assert slope_displacement_mm(times, slope, [episode]) == pytest.approx(integral, abs=2e-4)


# --- platform and scenarios ------------------------------------------------------------------------------------------


def test_the_platform_registers_sixty_sensors_of_four_systems_near_jiayuguan():
    check_city(PLATFORM.city)
    assert PLATFORM.city.city == "jiayuguan-demo"
    assert PLATFORM.city.mode != "operational"
    for sensor in PLATFORM.sensors:
        check_sensor(sensor)
        assert sensor.longitude == pytest.approx(98.29, abs=0.05)
        assert sensor.latitude == pytest.approx(39.77, abs=0.05)
        assert 5 <= sensor.interval_s <= 15
    assert len({sensor.sensor for sensor in PLATFORM.sensors}) == len(PLATFORM.sensors) == 60
    assert {sensor.system for sensor in PLATFORM.sensors} == {"gas", "water", "drainage", "displacement"}


def test_unknown_names_are_refused_with_those_that_exist():
    with pytest.raises(UnknownPlatform, match="jiayuguan"):
        load_platform("atlantis")
    with pytest.raises(UnknownScenario, match="quiet-day"):
        load_scenario("Quiet Day")


def test_nothing_reaches_a_limit_on_a_quiet_day():
    assert truth(PLATFORM, QUIET, 3, 86_400) == []
    for instrument, signal in signals(QUIET, 3, 86_400):
        ladder = ladder_of(instrument)
        if ladder is not None:
            assert signal.value.max() < ladder[0]
        elif instrument.sensor.property == "water_pressure":
            assert signal.value.min() > 0.14 + 0.05
            assert pressure_falls(signal).max() < PRESSURE_FALLS_MPA[0]
        elif instrument.sensor.property == "gas_pressure":
            deviation = np.abs(signal.value / float(instrument.sensor.attributes["set_kpa"]) - 1)
            assert deviation.max() < 0.10


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_demo_shows_every_severity_within_five_minutes_and_returns(seed: int):
    rows = truth(PLATFORM, DEMO, seed, 600)
    early = {row.kind for row in rows if row.start < DEFAULT_START_MS + 300_000}
    severities = {kind.partition(":")[2] for kind in early}
    assert {"blue", "yellow", "orange", "red"} <= severities
    assert {"gas:red", "flood:orange", "creep:red", "low-pressure", "silent"} <= early
    assert min(row.start for row in rows) < DEFAULT_START_MS + 60_000
    assert max(row.end for row in rows) < DEFAULT_START_MS + 590_000


def test_the_demo_leaves_a_sensor_alone_long_enough_for_its_alarm_to_return():
    rest_s = {"gas": 300, "flood": 1_200, "surcharge": 600, "creep": 3_600, "low-pressure": 300}
    passages: dict[tuple[str, str], list[Any]] = {}
    for row in truth(PLATFORM, DEMO, 5, 3 * 3_600):
        passages.setdefault((row.sensor, row.kind.partition(":")[0]), []).append(row)
    for (_, kind), rows in passages.items():
        for before, after in itertools.pairwise(rows):
            assert after.start - before.end > 1_000 * rest_s.get(kind, 0)


# --- stream ----------------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_stream_and_another_seed_another():
    first, again, other = (joined(simulate(PLATFORM, DEMO, seed, 4_000)) for seed in (4, 4, 5))
    for one, two in zip(first, again, strict=True):
        assert one.tobytes() == two.tobytes()
    assert len(first.time) != len(other.time) or (first.value != other.value).any()


def test_the_stream_is_in_time_order_within_its_duration_each_sensor_at_its_interval():
    stream = joined(simulate(PLATFORM, QUIET, 2, 8_000))
    assert (np.diff(stream.time) >= 0).all()
    assert stream.time[0] >= DEFAULT_START_MS
    assert stream.time[-1] < DEFAULT_START_MS + 8_000_000
    for index, sensor in enumerate(PLATFORM.sensors):
        steps = np.diff(stream.time[stream.sensor == index]) / 1000
        assert len(steps) == pytest.approx(8_000 / sensor.interval_s, abs=2)
        assert np.abs(steps / sensor.interval_s - 1).max() <= JITTER_SHARE + 1e-3
        assert steps.std() > 0


def test_a_longer_run_begins_with_the_shorter_one_and_a_part_of_the_sensors_reads_as_in_the_whole():
    long = joined(simulate(PLATFORM, DEMO, 4, 9_000))
    short = joined(simulate(PLATFORM, DEMO, 4, 5_000))
    for one, two in zip(long, short, strict=True):
        assert (one[: len(two)] == two).all()
    some = joined(simulate(PLATFORM, DEMO, 4, 9_000, only={"jyg-water-0002"}))
    index = [sensor.sensor for sensor in PLATFORM.sensors].index("jyg-water-0002")
    assert (long.value[long.sensor == index] == some.value).all()


def test_values_are_multiples_of_the_resolution_in_the_registered_unit():
    for instrument, signal in signals(DEMO, 1, 600, own_unit=True):
        resolution = instrument.resolution
        assert signal.value == pytest.approx(np.round(signal.value / resolution) * resolution, abs=1e-9)
        assert len({shortest(v, decimals_of(resolution)) for v in signal.value}) == len(set(signal.value))
    kilopascal = next(i for i in PLATFORM.instruments if i.sensor.unit == "kPa" and i.sensor.system == "water")
    signal = dict((i.sensor.sensor, s) for i, s in signals(QUIET, 1, 600, own_unit=True))[kilopascal.sensor.sensor]
    assert 200 < signal.value.mean() < 400


def test_a_stream_without_end_goes_on_and_impossible_arguments_are_refused():
    endless = simulate(PLATFORM, DEMO, 1, None)
    hours = list(itertools.islice(endless, 3))
    assert all(len(hour.time) > 20_000 for hour in hours)
    with pytest.raises(ValueError, match="seed"):
        next(simulate(PLATFORM, DEMO, -1, 60))
    with pytest.raises(ValueError, match="duration"):
        next(simulate(PLATFORM, DEMO, 1, 0))


def test_hastened_times_are_drawn_together():
    plain = joined(simulate(PLATFORM, DEMO, 1, 600))
    fast = joined(hasten(simulate(PLATFORM, DEMO, 1, 600), DEFAULT_START_MS, 10.0))
    assert fast.time.tolist() == pytest.approx((DEFAULT_START_MS + (plain.time - DEFAULT_START_MS) / 10).tolist())
    assert (fast.value == plain.value).all()


# --- truth -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["demo", "gas-leak", "cloudburst"])
def test_truth_starts_at_the_first_sample_at_or_above_the_limit_and_bears_the_severity_of_its_peak(name: str):
    scenario, duration = load_scenario(name), 600 if name == "demo" else 10_800
    rows = truth(PLATFORM, scenario, 1, duration)
    assert rows == sorted(rows, key=lambda row: (row.start, row.sensor, row.kind))
    of_sensor = {i.sensor.sensor: (i, s) for i, s in signals(scenario, 1, duration)}
    graded = [row for row in rows if row.kind.partition(":")[0] in ("gas", "flood", "surcharge", "creep")]
    assert graded
    for row in graded:
        instrument, signal = of_sensor[row.sensor]
        ladder = ladder_of(instrument)
        assert ladder is not None
        beyond = signal.value >= ladder[0]
        assert row.start == signal.time[np.flatnonzero(beyond & (signal.time >= row.start))[0]]
        assert not beyond[(signal.time >= row.start - 120_000) & (signal.time < row.start)].any()
        peak = signal.value[(signal.time >= row.start) & (signal.time <= row.end)].max()
        severity = ("blue", "yellow", "orange", "red")[sum(peak >= limit for limit in ladder) - 1]
        assert row.kind.endswith(severity)


def test_every_sample_at_or_above_a_limit_lies_in_a_truth_row():
    rows = truth(PLATFORM, DEMO, 1, 1_200)
    for instrument, signal in signals(DEMO, 1, 1_200):
        ladder = LADDERS.get(instrument.sensor.property)
        if ladder is None:
            continue
        mine = [row for row in rows if row.sensor == instrument.sensor.sensor]
        for time in signal.time[signal.value >= ladder[0]]:
            assert any(row.start <= time <= row.end for row in mine)


def test_a_silent_sensor_says_nothing_between_the_ends_of_its_truth_row():
    (row,) = [row for row in truth(PLATFORM, DEMO, 1, 600) if row.kind == "silent"]
    signal = dict((i.sensor.sensor, s) for i, s in signals(DEMO, 1, 600))[row.sensor]
    assert {row.start, row.end} <= set(signal.time.tolist())
    assert not ((signal.time > row.start) & (signal.time < row.end)).any()


def test_a_gas_leak_reaches_three_chambers():
    kinds = [row.kind for row in truth(PLATFORM, load_scenario("gas-leak"), 1, 10_800)]
    assert sorted(kinds) == ["gas:blue", "gas:red", "gas:yellow"]


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.ndjson", "a.ndjson.gz"])
def test_readings_files_repeat_byte_for_byte_and_parse_again(tmp_path: Path, name: str):
    paths = [tmp_path / folder / name for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        written = write_readings(path, PLATFORM, simulate(PLATFORM, DEMO, 1, 300))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [path.name for path in paths[0].parent.iterdir()] == [name]
    stream, rows = joined(simulate(PLATFORM, DEMO, 1, 300)), list(read_rows(paths[0]))
    assert len(rows) == written == len(stream.time)
    for row, time, index, value in zip(rows, *stream, strict=True):
        assert parse_instant(row.time) == time
        assert row.sensor == PLATFORM.sensors[index].sensor
        assert float(row.value) == value
        assert len(row.value) <= len(repr(float(value)))


def test_an_interrupted_file_does_not_take_the_place_of_a_whole_one(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("as it was")

    def broken() -> Iterable[Chunk]:
        yield from simulate(PLATFORM, DEMO, 1, 60)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_readings(path, PLATFORM, broken())
    assert path.read_text() == "as it was"


def test_sensors_and_truth_files_parse_again(tmp_path: Path):
    write_sensors(tmp_path / "s.csv", PLATFORM)
    sensors, cities = read_sensor_file(tmp_path / "s.csv")
    assert [s.sensor for s in sensors] == [s.sensor for s in PLATFORM.sensors]
    assert sensors[0].attributes["resolution"] == "0.1"
    assert cities[0].mode == "test"
    rows = truth(PLATFORM, DEMO, 1, 600)
    write_truth(tmp_path / "t.csv", rows)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "sensor,start,end,kind,note"
    first = rows[0]
    assert lines[1] == (
        f"{first.sensor},{format_instant(first.start)},{format_instant(first.end)},{first.kind},{first.note}"
    )


def test_numbers_are_written_shortest():
    assert [shortest(v, d) for v, d in ((12.0, 1), (12.5, 2), (-0.0, 1), (100.0, 0), (0.05, 2))] == [
        "12", "12.5", "0", "100", "0.05",
    ]  # fmt: skip
    assert [decimals_of(r) for r in (10.0, 1.0, 0.5, 0.1, 0.05, 0.001)] == [0, 0, 1, 1, 2, 3]


# --- messages and the broker -----------------------------------------------------------------------------------------


class Broker:
    """As much of an MQTT 3.1.1 broker as publishing needs; it can break the line before it acknowledges."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.sessions = 0
        self.break_at: set[int] = set()  # how many received messages make it hang up
        self.refuse = 0
        self.listeners: list[asyncio.StreamWriter] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        try:
            while True:
                kind, body = await self._packet(reader)
                if kind >> 4 == 1:
                    writer.write(bytes([0x20, 2, 0, self.refuse]))
                elif kind >> 4 == 3:
                    size = int.from_bytes(body[:2])
                    topic, mid, payload = body[2 : 2 + size].decode(), body[2 + size : 4 + size], body[4 + size :]
                    self.received.append((topic, payload))
                    if len(self.received) in self.break_at:
                        return
                    writer.write(b"\x40\x02" + mid)
                    for listener in self.listeners:
                        listener.write(bytes([0x30]) + _length(len(body) - 2) + body[: 2 + size] + payload)
                elif kind >> 4 == 8:
                    writer.write(b"\x90\x03" + body[:2] + b"\x01")
                    self.listeners.append(writer)
                elif kind >> 4 == 14:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if writer in self.listeners:
                self.listeners.remove(writer)
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, size, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size += (digit & 0x7F) << shift
            shift += 7
            if digit < 0x80:
                return kind, await reader.readexactly(size)


def _length(size: int) -> bytes:
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (0x80 if size else 0)])
        if not size:
            return out


@asynccontextmanager
async def broker() -> Any:
    standing = Broker()
    server = await asyncio.start_server(standing.serve, "127.0.0.1", 0)
    standing.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield standing
    finally:
        server.close()


def numbered(count: int) -> list[Message]:
    return [Message(1_000 * i, "lifeline/c/gas/s", str(i).encode()) for i in range(count)]


def test_a_reading_goes_out_on_its_sensors_topic_in_time_order():
    messages = list(stream_messages(PLATFORM, simulate(PLATFORM, DEMO, 1, 60)))
    stream = joined(simulate(PLATFORM, DEMO, 1, 60))
    assert [m.time for m in messages] == stream.time.tolist()
    sensor = PLATFORM.sensors[stream.sensor[0]]
    assert messages[0].topic == f"lifeline/jiayuguan-demo/{sensor.system}/{sensor.sensor}"
    assert json.loads(messages[0].payload) == {"time": format_instant(stream.time[0]), "value": stream.value[0]}


def test_a_gateway_sends_the_same_readings_in_arrays():
    messages = list(gateway_messages(PLATFORM, simulate(PLATFORM, DEMO, 1, 60), readings_max=50))
    readings = [reading for m in messages for reading in json.loads(m.payload)]
    assert [m.readings for m in messages[:-1]] == [50] * (len(messages) - 1)
    assert len(readings) == sum(m.readings for m in messages) == len(joined(simulate(PLATFORM, DEMO, 1, 60)).time)
    assert all(m.time == parse_instant(json.loads(m.payload)[-1]["time"]) for m in messages)


def test_a_city_played_live_never_speaks_from_the_future():
    messages = live_messages(PLATFORM, DEMO, 1, 1_800_000_000_000, speed=20.0, duration_s=600)
    times = [parse_instant(json.loads(m.payload)["time"]) for m in messages]
    assert times == sorted(times)
    assert max(times) <= 1_800_000_000_000 + 30_000


def test_messages_are_published_in_order_and_counted():
    async def run() -> tuple[int, list[bytes], Progress]:
        told: list[Progress] = []
        async with broker() as standing:
            count = await publish(standing.url, numbered(1_000), speed=None, progress=told.append)
            return count, [payload for _, payload in standing.received], told[-1]

    count, payloads, last = asyncio.run(run())
    assert count == 1_000
    assert payloads == [str(i).encode() for i in range(1_000)]
    assert last == Progress(1_000, 1_000, 999_000)


def test_after_a_broken_line_the_unacknowledged_are_sent_again_first_and_in_order():
    async def run() -> tuple[int, Broker]:
        async with broker() as standing:
            standing.break_at = {1, 300, 701}
            return await publish(standing.url, numbered(800), speed=None), standing

    count, standing = asyncio.run(run())
    numbers = [int(payload) for _, payload in standing.received]
    assert count == 800
    assert standing.sessions == 4
    assert list(dict.fromkeys(numbers)) == list(range(800))
    assert 800 < len(numbers) < 800 + 3 * 300


def test_messages_wait_until_they_are_due_at_the_speed():
    now = 100.0
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(now)

    async def run() -> int:
        async with broker() as standing:
            return await publish(standing.url, numbered(5), speed=10.0, clock=lambda: now, sleep=sleep)

    assert asyncio.run(run()) == 5
    assert waits == pytest.approx([100.1, 100.2, 100.3, 100.4])


def test_an_unreachable_broker_or_a_refused_session_is_said():
    async def refused() -> None:
        async with broker() as standing:
            standing.refuse = 5
            await publish(standing.url.replace("//", "//user:secret@"), numbered(1), speed=None)

    with pytest.raises(BrokerUnreachable, match="uthori") as raised:
        asyncio.run(refused())
    assert "secret" not in str(raised.value)
    with pytest.raises(BrokerUnreachable):
        asyncio.run(publish("mqtt://127.0.0.1:1", numbered(1), patience_s=0.2))
    with pytest.raises(ValueError, match="mqtt://"):
        asyncio.run(publish("http://127.0.0.1", numbered(1)))
    with pytest.raises(ValueError, match="speed"):
        asyncio.run(publish("mqtt://127.0.0.1:1", numbered(1), speed=0))


def test_an_error_in_the_messages_is_raised_as_it_is():
    def broken() -> Iterable[Message]:
        yield from numbered(3)
        raise OSError("disk")

    async def run() -> None:
        async with broker() as standing:
            await publish(standing.url, broken(), speed=None)

    with pytest.raises(OSError, match="disk"):
        asyncio.run(run())


ROWS = [
    ("2026-11-22T08:00:00.000Z,jyg-gas-0001,12.50", "lifeline/jiayuguan-demo/gas/jyg-gas-0001", {"value": 12.5}),
    ("2026-11-22T08:00:01.000Z,jyg-gas-0001,+5", "lifeline/jiayuguan-demo/gas/jyg-gas-0001", {"value": 5.0}),
    ("2026-11-22T08:00:02.000Z,jyg-gas-0001,NaN", "lifeline/jiayuguan-demo/gas/jyg-gas-0001", {"value": "NaN"}),
    ("2026-11-22T08:00:03.000Z,jyg-gas-0001,abc", "lifeline/jiayuguan-demo/gas/jyg-gas-0001", {"value": "abc"}),
    ("2026-11-22T08:00:04.000Z,jyg-gas-0001,", "lifeline/jiayuguan-demo/gas/jyg-gas-0001", {}),
    ("no time,jyg-gas-0001,1e400", "lifeline/jiayuguan-demo/gas/jyg-gas-0001", {"value": "1e400"}),
    ("2026-11-22T08:00:05.000Z,no one/#,1", "lifeline/jiayuguan-demo/gateway/replay", {"value": 1}),
]


def test_every_row_of_a_file_is_published_odd_ones_too(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("time,sensor,value\n" + "\n".join(row for row, _, _ in ROWS) + "\n")
    sensors = {sensor.sensor: sensor for sensor in PLATFORM.sensors}
    messages = list(replay_messages(path, sensors))
    assert [m.topic for m in messages] == [topic for _, topic, _ in ROWS]
    for message, (row, topic, entry) in zip(messages, ROWS, strict=True):
        got = json.loads(message.payload)
        if topic.endswith("replay"):
            got = got[0]
            assert got.pop("sensor") == row.split(",")[1]
        assert got == {"time": row.split(",")[0], **entry}
    assert [m.time for m in messages] == sorted(m.time for m in messages)
    assert b'"value":12.50' in messages[0].payload
    with pytest.raises(ValueError, match="no sensor"):
        next(replay_messages(path, {}))


def test_a_recording_replayed_is_the_recording_again(tmp_path: Path):
    source, sensors = tmp_path / "a.csv.gz", {sensor.sensor: sensor for sensor in PLATFORM.sensors}
    write_readings(source, PLATFORM, simulate(PLATFORM, DEMO, 1, 60))
    expected = [row[1:4] for row in read_rows(source)]

    async def run(name: str, size: int) -> int:
        stop = asyncio.Event()
        async with broker() as standing:
            recording = asyncio.create_task(
                record(standing.url, tmp_path / name, stop, clock_ms=lambda: 1_795_000_000_000)
            )
            await until(lambda: len(standing.listeners) == 1)
            await replay_file(source, sensors, standing.url, speed=None, readings_per_message=size)
            await asyncio.sleep(0.3)
            stop.set()
            done = await recording
            assert (done.unusable, done.gaps) == (0, 0)
            return done.readings

    for name, size in (("b.csv", 1), ("b.ndjson.gz", 1), ("c.csv", 25)):
        assert asyncio.run(run(name, size)) == len(expected)
        rows = list(read_rows(tmp_path / name))
        assert [(row.time, row.sensor, row.value) for row in rows] == expected
        assert {row.received_at for row in rows} == {format_instant(1_795_000_000_000)}
    assert gzip.decompress((tmp_path / "b.ndjson.gz").read_bytes()).startswith(b'{"time":"2026-')


def test_a_recorder_keeps_odd_values_turns_integer_times_and_leaves_alarms_out():
    rows = rows_of("lifeline/c/gas/s", b'{"time": 1795000000000, "value": "odd"}', 1_795_000_000_500)
    assert rows == [
        {
            "time": '"2026-11-18T11:06:40.000Z"',
            "sensor": '"s"',
            "value": '"odd"',
            "received_at": '"2026-11-18T11:06:40.500Z"',
        }
    ]
    assert rows_of("lifeline/c/alarm/a1", b"{}", 0) == []
    assert rows_of("lifeline/c/gas/s", b"not json", 0) is None
    assert rows_of("lifeline/c/gas/s", b"\xff", 0) is None


def test_topics_and_scenarios_are_named_as_the_contract_has_them():
    assert topic_of(PLATFORM.sensors[0]) == "lifeline/jiayuguan-demo/gas/jyg-gas-0001"
    assert all(name == name.lower() and " " not in name and "_" not in name for name in SCENARIOS)


# --- what the tests share --------------------------------------------------------------------------------------------


def joined(chunks: Iterable[Chunk]) -> Chunk:
    return Chunk(*(np.concatenate(arrays) for arrays in zip(*chunks, strict=True)))


def signals(scenario: Any, seed: int, duration_s: float, *, own_unit: bool = False) -> list[tuple[Any, Signal]]:
    stream = joined(simulate(PLATFORM, scenario, seed, duration_s))
    found = []
    for index, instrument in enumerate(PLATFORM.instruments):
        mine = stream.sensor == index
        factor, offset = (1.0, 0.0) if own_unit else instrument.sensor.conversion
        found.append((instrument, Signal(stream.time[mine], factor * stream.value[mine] + offset)))
    return found


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold")
