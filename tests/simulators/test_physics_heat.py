"""Heat: the curve of the plant, radiators and rooms in balance, and a main that breaks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.physics.heating import (
    Heating,
    MakeUp,
    balanced_room_cel,
    pressure_and_make_up,
    return_cel,
    room_cel,
    supply_cel,
)

HEATING = Heating()
HOLDING = MakeUp(set_mpa=0.45, seepage_m3_h=2.0, pump_m3_h=20.0)


# The curve of the heating pack: 75/50 Cel at -15 Cel outdoors and 18 Cel in the room.
@pytest.mark.parametrize(
    ("outdoor", "supply", "back"),
    [(-25.0, 88.8, 56.3), (-20.0, 82.0, 53.2), (-15.0, 75.0, 50.0), (-10.0, 67.8, 46.6), (-5.0, 60.4, 43.0),
     (0.0, 52.7, 39.1), (5.0, 44.7, 34.8), (10.0, 36.0, 29.9), (18.0, 18.0, 18.0), (25.0, 18.0, 18.0)],
)  # fmt: skip
def test_supply_and_return_follow_the_curve(outdoor: float, supply: float, back: float):
    warm = supply_cel(np.array([outdoor]), HEATING)
    assert warm == pytest.approx([supply], abs=0.06)
    assert return_cel(warm, HEATING) == pytest.approx([back], abs=0.06)


@settings(max_examples=30)
@given(supply=st.floats(20.0, 110.0), flow=st.floats(0.2, 1.5), room=st.floats(0.0, 19.0))
def test_radiators_give_what_the_water_loses(supply: float, flow: float, room: float):
    back = return_cel(np.array([supply]), HEATING, flow, room)[0]
    assert room <= back <= supply
    water = flow * (supply - back) / 25.0
    radiators = (max((supply + back) / 2 - room, 0.0) / 44.5) ** 1.3
    # So little water that it comes back as cold as the room could give no more.
    assert water == pytest.approx(radiators, abs=1e-6) or (back == pytest.approx(room, abs=1e-6) and water < radiators)


@settings(max_examples=30)
@given(outdoor=st.floats(-30.0, 15.0))
def test_the_curve_holds_the_room_and_half_the_flow_does_not(outdoor: float):
    outside = np.array([outdoor])
    supply = supply_cel(outside, HEATING)
    assert balanced_room_cel(supply, outside, HEATING) == pytest.approx([18.0], abs=1e-3)
    assert outdoor < balanced_room_cel(supply, outside, HEATING, flow=0.4)[0] < 18.0


def test_a_room_without_heat_cools_to_the_outdoors_with_its_time_constant():
    times = np.array([0.0, 80 * 3_600.0, 1e8])
    cold = balanced_room_cel(np.array([-10.0]), np.array([-10.0]), HEATING)
    rooms = room_cel(times, [0.0], np.repeat(cold[None, :], 2, axis=0), [[80 * 3_600.0], [40 * 3_600.0]])
    assert rooms[0] == pytest.approx([18.0, -10.0 + 28.0 * math.exp(-1), -10.0])
    assert rooms[1, 1] == pytest.approx(-10.0 + 28.0 * math.exp(-2))


@pytest.mark.parametrize(
    ("break_m3_h", "pressure", "make_up"),
    [(0.0, 0.45, 2.0), (10.0, 0.45, 12.0), (18.0, 0.45, 20.0), (38.0, 0.45 / 4, 20.0), (198.0, 0.0045, 20.0)],
)
def test_pressure_stands_until_the_pump_is_at_its_end(break_m3_h: float, pressure: float, make_up: float):
    found = pressure_and_make_up(np.array([50.0, 1e5]), HOLDING, [(100.0, 2e5, break_m3_h)])
    assert found[0] == pytest.approx([0.45, pressure])
    assert found[1] == pytest.approx([2.0, make_up])


def test_after_the_repair_the_pump_refills_at_its_best_and_then_rests():
    times = np.arange(0.0, 20_000.0, 10.0)
    pressure, make_up = pressure_and_make_up(times, HOLDING, [(1_000.0, 5_000.0, 190.0)])
    assert pressure.min() < 0.2
    assert make_up[times == 5_060.0] == 20.0
    assert pressure[-1] == pytest.approx(0.45, rel=1e-6)
    assert make_up[-1] == pytest.approx(2.0, rel=1e-3)
    assert make_up.max() <= 20.0
