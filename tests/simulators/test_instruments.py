"""Sensors as they are: each fault's size and share, what it leaves alone, the same for a seed, and order on arrival."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.reading import Quality
from simulators import instruments as sensor
from simulators.instruments import Samples

START = 1_795_305_600_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
Step = Callable[[Samples, np.random.Generator], Samples]


def samples(count: int = 1_440, interval: int = MINUTE, value: float = 50.0) -> Samples:
    return sensor.measured(START + interval * np.arange(count), np.full(count, value))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# One of each, as a chain would have it.
STEPS: dict[str, Step] = {
    "noisy": lambda s, r: sensor.noisy(s, r, 0.4),
    "drifting": lambda s, _: sensor.drifting(s, (START + HOUR, START + DAY), 2.0),
    "spiky": lambda s, r: sensor.spiky(s, r, 0.02, 30.0),
    "stuck": lambda s, _: sensor.stuck(s, (START + HOUR, START + 2 * HOUR), 47.5),
    "unmeasured": lambda s, _: sensor.unmeasured(s, (START + HOUR, START + 2 * HOUR)),
    "sentinel": lambda s, _: sensor.unmeasured(s, (START + HOUR, START + 2 * HOUR), -127.0),
    "in_other_unit": lambda s, _: sensor.in_other_unit(s, (START + HOUR, START + DAY), 1e-3),
    "resolved": lambda s, _: sensor.resolved(s, 0.05, 0.0, 100.0),
    "clock_off": lambda s, _: sensor.clock_off(s, (START + HOUR, START + 2 * HOUR), 8 * HOUR),
    "battery_dying": lambda s, r: sensor.battery_dying(s, r, (START + 4 * HOUR, START + 12 * HOUR)),
    "under_way": lambda s, r: sensor.under_way(s, r, 800.0),
    "sent_every": lambda s, _: sensor.sent_every(s, 15 * MINUTE, np.array([START + 20_000])),
    "stored_and_forwarded": lambda s, _: sensor.stored_and_forwarded(s, (START + HOUR, START + 3 * HOUR)),
    "lost": lambda s, r: sensor.lost(s, r, 0.1),
    "lost in bursts": lambda s, r: sensor.lost(s, r, 0.1, run=8.0),
    "doubled": lambda s, r: sensor.doubled(s, r, 0.1, 5_000.0),
    "shuffled": lambda s, r: sensor.shuffled(s, r, 0.3, 5 * MINUTE),
    "as_arrived": lambda s, _: sensor.as_arrived(s),
}


@pytest.mark.parametrize("name", list(STEPS))
def test_every_step_repeats_for_a_seed_and_leaves_its_input_alone(name: str):
    given_samples = sensor.noisy(samples(), rng(9), 3.0)
    before = [column.copy() for column in given_samples]
    one, two = (STEPS[name](given_samples, rng(5)) for _ in range(2))
    assert all(first.tobytes() == second.tobytes() for first, second in zip(one, two, strict=True))
    assert all((column == kept).all() for column, kept in zip(given_samples, before, strict=True))


@settings(max_examples=60)
@given(
    names=st.lists(st.sampled_from(list(STEPS)), max_size=6), count=st.integers(0, 300), seed=st.integers(0, 2**32 - 1)
)
def test_steps_go_together_in_any_order_and_keep_the_columns_whole(names: list[str], count: int, seed: int):
    result, chance = samples(count, 5 * MINUTE), rng(seed)
    for name in names:
        result = STEPS[name](result, chance)
    assert [column.dtype.name for column in result] == ["int64", "int32", "float64", "int64", "uint16"]
    assert len({len(column) for column in result}) == 1
    assert np.isfinite(result.value).all()
    if "clock_off" not in names:
        assert (result.arrival >= result.time).all()
    assert (np.diff(sensor.as_arrived(result).arrival) >= 0).all()


# --- sampling --------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    interval=st.integers(1_000, 10 * MINUTE),
    phases=st.lists(st.floats(0, 1e6), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, HOUR), max_size=4),
)
def test_windows_that_follow_each_other_have_each_slot_once(interval: int, phases: list[float], cuts: list[int]):
    edges = sorted({START, START + HOUR, *(START + cut for cut in cuts)})
    whole, sensors = sensor.sample_times(rng(), phases, interval, START, START + HOUR)
    parts = [sensor.sample_times(rng(), phases, interval, a, b) for a, b in itertools.pairwise(edges)]
    for k in range(len(phases)):
        mine = np.concatenate([times[which == k] for times, which in parts])
        assert mine.tolist() == whole[sensors == k].tolist()
        assert set(np.diff(mine)) <= {interval}
        assert len(mine) == pytest.approx(HOUR / interval, abs=1)
    assert (whole >= START).all()
    assert (whole < START + HOUR).all()


def test_jitter_is_even_and_never_reverses():
    times, _ = sensor.sample_times(rng(), 0.0, 10_000, START, START + DAY, 9_999.0)
    late = times - (START + 10_000 * np.arange(len(times)))
    assert (np.diff(times) >= 0).all()
    assert 0 <= late.min() < late.max() < 9_999
    assert late.mean() == pytest.approx(5_000, rel=0.03)
    with pytest.raises(ValueError, match="interval"):
        sensor.sample_times(rng(), 0.0, 1_000, START, START + DAY, 1_000.0)


def test_sensors_of_one_gateway_arrive_together_and_of_two_apart():
    times, which = sensor.sample_times(rng(), np.arange(6) * 7_000.0, MINUTE, START, START + HOUR, 3_000.0)
    gateway_phase = np.array([0, 0, 0, 100_000, 100_000, 100_000])
    sent = sensor.sent_every(sensor.measured(times, np.zeros(len(times)), which), 5 * MINUTE, gateway_phase)
    arrivals = [set(sent.arrival[np.isin(sent.sensor, part)].tolist()) for part in ([0, 1, 2], [3, 4, 5])]
    assert [len(part) for part in arrivals] == [12, 13]
    assert not arrivals[0] & arrivals[1]


# --- the quantity and the device -------------------------------------------------------------------------------------


def test_noise_has_its_size_and_drift_its_slope_until_calibration():
    noise = sensor.noisy(samples(20_000), rng(), 0.4).value - 50.0
    assert (noise.mean(), noise.std()) == (pytest.approx(0.0, abs=0.01), pytest.approx(0.4, rel=0.02))
    drift = sensor.drifting(samples(), (START + 6 * HOUR, START + 18 * HOUR), 4.0).value - 50.0
    assert drift[[0, 360, 720, 1_079, 1_080]] == pytest.approx([0.0, 0.0, 1.0, 2.0 - 4 / 1_440, 0.0])


def test_spikes_are_as_many_and_as_high_as_asked_and_the_rest_is_untouched():
    jump = sensor.spiky(samples(50_000), rng(), 0.01, 30.0).value - 50.0
    hit = jump != 0
    assert hit.mean() == pytest.approx(0.01, rel=0.15)
    assert (np.abs(jump[hit]).min() >= 15.0, np.abs(jump[hit]).max() <= 45.0) == (True, True)
    assert (jump[hit] > 0).mean() == pytest.approx(0.5, abs=0.08)


def test_a_stuck_sensor_repeats_what_it_held():
    wandering = samples(100)._replace(value=np.arange(100.0))
    stuck = sensor.stuck(wandering, (START + 10 * MINUTE, START + 20 * MINUTE), 7.5)
    assert stuck.value[8:22].tolist() == [8, 9, *[7.5] * 10, 20, 21]


def test_a_dropout_is_a_gap_or_a_sentinel():
    spell = (START + 10 * MINUTE, START + 13 * MINUTE)
    gap = sensor.unmeasured(samples(20), spell)
    assert ((gap.time - START) // MINUTE).tolist() == [*range(10), *range(13, 20)]
    sent = sensor.unmeasured(samples(20), spell, 6_553.5)
    assert sent.value[9:14].tolist() == [50.0, 6_553.5, 6_553.5, 6_553.5, 50.0]


def test_after_maintenance_a_pressure_in_kilopascal_is_sent_in_megapascal():
    sent = sensor.in_other_unit(samples(3, HOUR, 320.0), (START + HOUR, START + DAY), 1e-3)
    assert sent.value.tolist() == [320.0, 0.32, 0.32]


@pytest.mark.parametrize(
    ("resolution", "value", "sent"),
    [(0.1, 12.3456, 12.3), (0.05, 12.33, 12.35), (10, 17, 20), (0.1, -0.01, 0.0), (0.1, 140.0, 100.0), (1, -3, 0)],
)  # fmt: skip
def test_values_are_multiples_of_the_resolution_within_the_scale(resolution: float, value: float, sent: float):
    got = sensor.resolved(samples(1, value=value), resolution, 0.0, 100.0).value[0]
    assert got == sent
    assert not np.signbit(got)


def test_a_clock_in_the_wrong_zone_is_eight_hours_off():
    off = sensor.clock_off(samples(49, HOUR), (START + HOUR, START + 3 * HOUR), -8 * HOUR)
    assert (off.time - off.arrival)[:5].tolist() == [0, -8 * HOUR, -8 * HOUR, 0, 0]
    assert (off.arrival == samples(49, HOUR).arrival).all()
    assert datetime.fromtimestamp(off.time[1] / 1e3, UTC).isoformat() == "2026-11-21T17:00:00+00:00"


def test_a_battery_weakens_and_dies():
    left = sensor.battery_dying(samples(20_000), rng(), (START + 5_000 * MINUTE, START + 15_000 * MINUTE))
    minute = (left.time - START) // MINUTE
    assert minute.max() < 15_000
    assert (minute < 5_000).sum() == 5_000
    assert set(left.quality[minute < 5_000]) == {Quality.GOOD}
    assert set(left.quality[minute >= 5_000]) == {Quality.REPORTED_UNCERTAIN}
    assert ((minute >= 5_000) & (minute < 10_000)).sum() == pytest.approx(5_000 * (1 - 1 / 12), rel=0.02)


# --- the line --------------------------------------------------------------------------------------------------------


def test_the_way_takes_its_median():
    way = sensor.under_way(samples(20_000), rng(), 800.0, 0.5)
    delay = way.arrival - way.time
    assert np.median(delay) == pytest.approx(800, rel=0.03)
    assert np.log(delay).std() == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize("phase", [0, 20_000, START + 7])
def test_a_gateway_sends_together_at_its_next_turn_and_keeps_what_it_measured(phase: int):
    gateway_phase = np.array([phase])
    sent = sensor.sent_every(samples(200), 15 * MINUTE, gateway_phase)
    wait = sent.arrival - samples(200).arrival
    assert (sent.arrival - phase) % (15 * MINUTE) == pytest.approx(0)
    assert 0 <= wait.min() <= wait.max() < 15 * MINUTE
    assert len(set(sent.arrival.tolist())) in (14, 15)
    assert (sent.time == samples(200).time).all()
    assert (sensor.sent_every(sent, 15 * MINUTE, gateway_phase).arrival == sent.arrival).all()


def test_after_an_outage_the_store_empties_in_order_and_catches_up():
    outage = (START + 2 * HOUR, START + 4 * HOUR)
    sent = sensor.stored_and_forwarded(samples(600), outage, times_as_fast=10.0)
    wait = sent.arrival - sent.time
    stored = (sent.time >= outage[0]) & (sent.time < outage[1])
    assert wait[sent.time < outage[0]].max() == 0
    assert wait[stored].max() == 2 * HOUR
    assert sent.arrival[stored].min() == outage[1]
    assert (np.diff(sent.arrival) >= 0).all()
    # It has caught up once 10 times the time since the end is the time since the start.
    caught_up = outage[0] + 10 / 9 * 2 * HOUR
    assert wait[sent.time > caught_up].max() == 0
    assert wait[(sent.time < caught_up - MINUTE) & (sent.time > outage[0])].min() > 0
    assert len(sent.time) == 600


@pytest.mark.parametrize(("share", "run"), [(0.0, 1.0), (0.05, 1.0), (0.2, 5.0), (0.5, 20.0), (1.0, 5.0)])
def test_losses_have_their_share_and_their_runs(share: float, run: float):
    left = sensor.lost(samples(100_000, 1_000), rng(3), share, run)
    gone = np.ones(100_000, np.bool_)
    gone[(left.time - START) // 1_000] = False
    assert gone.mean() == pytest.approx(share, rel=0.1)
    if 0 < share < 1:
        ends = np.flatnonzero(np.diff(np.concatenate([[False], gone, [False]]).astype(int)))
        expected = run if run > 1 else 1 / (1 - share)
        assert np.mean(ends[1::2] - ends[::2]) == pytest.approx(expected, rel=0.1)


def test_doubles_are_the_same_reading_again_later():
    sent = sensor.doubled(samples(20_000), rng(), 0.1, 5_000.0)
    second = Samples(*(column[20_000:] for column in sent))
    assert len(second.time) == pytest.approx(2_000, rel=0.1)
    assert set(second.time.tolist()) <= set(samples(20_000).time.tolist())
    delay = second.arrival - second.time
    assert 1 <= delay.min() <= delay.max() <= 5_000
    assert (np.diff(sensor.as_arrived(sent).arrival) >= 0).all()


def test_shuffled_samples_are_overtaken_and_none_is_lost():
    sent = sensor.as_arrived(sensor.shuffled(samples(5_000), rng(), 0.3, 5 * MINUTE))
    assert sorted(sent.time.tolist()) == samples(5_000).time.tolist()
    assert (np.diff(sent.time) < 0).mean() == pytest.approx(0.2, abs=0.08)
    assert (sent.arrival - sent.time).max() <= 5 * MINUTE


def test_what_arrives_together_keeps_its_order():
    sent = sensor.as_arrived(sensor.sent_every(samples(100), HOUR, np.array([0])))
    assert (np.diff(sent.time) > 0).all()
    both = sensor.joined([samples(3), samples(2)])
    assert len(both.time) == 5
