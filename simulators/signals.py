"""What a sensor would read without noise: its site's physics under the events that reach it."""

from collections.abc import Sequence
from typing import assert_never

from simulators.events import Burst, Creep, Event, Leak, Storm, felt
from simulators.instruments import GasMain, Instrument
from simulators.physics import FloatArray
from simulators.physics.drainage import LowPoint, Manhole, manhole_level_m, road_depth_cm
from simulators.physics.gas import Chamber, inflow_for, methane_lel
from simulators.physics.ground import Slope, slope_displacement_mm, slope_rate_mm_d
from simulators.physics.hydraulics import Inflow, Node, burst_demand, demand_factor, pressure_mpa


def true_value(instrument: Instrument, events: Sequence[Event], times: FloatArray, local_s: FloatArray) -> FloatArray:
    """Return the noiseless values in the property's own unit, shape of `times`.

    `times` are seconds of the city's own clock since the start, on which the events stand; `local_s` the seconds since
    some local midnight, on which the day's demand hangs.
    """
    sensor, site = instrument.sensor, instrument.site
    match site:
        case Chamber():
            leaks = [e for e in events if isinstance(e, Leak) and e.asset == sensor.asset]
            return methane_lel(times, site, [(e.start_s, e.end_s, inflow_for(site, e.lel)) for e in leaks])
        case GasMain():
            return site.set_kpa - site.loss_kpa * (demand_factor(local_s) - 1.0)
        case Node():
            return pressure_mpa(site, demand_factor(local_s) + _burst(instrument, events, times))
        case Inflow():
            return site.mean_l_s * (demand_factor(local_s) + _burst(instrument, events, times))
        case LowPoint():
            return road_depth_cm(times, site, _rain(instrument, events))
        case Manhole():
            return manhole_level_m(times, site, _rain(instrument, events), demand_factor(local_s))
        case Slope():
            episodes = [e.episode for e in events if isinstance(e, Creep) and e.asset == sensor.asset]
            if sensor.property == "displacement_rate":
                return slope_rate_mm_d(times, site, episodes)
            # Steady creep goes by the readings' clock also where events are hastened: its rate is what a trend finds.
            steady = slope_displacement_mm(local_s, site, ())
            return steady + slope_displacement_mm(times, Slope(creep_mm_d=0.0), episodes)
        case _:
            assert_never(site)


def _burst(instrument: Instrument, events: Sequence[Event], times: FloatArray) -> FloatArray:
    bursts = [e for e in events if isinstance(e, Burst)]
    return burst_demand(times, [(e.start_s, e.end_s, e.size * felt(e, instrument.sensor)) for e in bursts])


def _rain(instrument: Instrument, events: Sequence[Event]) -> list[tuple[float, float, float]]:
    storms = [(e, felt(e, instrument.sensor)) for e in events if isinstance(e, Storm)]
    return [(start, end, mm_h * share) for storm, share in storms for start, end, mm_h in storm.blocks]
