"""The engine's compiled kernels: made, or taken from numba's cache, before the first reading has to wait for them."""

import numpy as np

from alerts.admission import SENSOR_STATE, admit, all_known
from alerts.binding import Selection, bind_ladders, bind_stale
from alerts.conditions import ladder, stale, threshold
from alerts.conditions.prefetch import fetch_bindings
from alerts.conditions.threshold import Threshold
from alerts.gateways import bind_gateways
from alerts.kinds import SIGNAL_KINDS
from model.registry import Registry


def load_kernels() -> None:
    """Call every kernel with no readings and no bindings. Takes minutes where nothing is cached, else a second."""
    registry = Registry(0, {}, {})
    nothing = Selection([], registry)
    sensor, time, number, flag = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_)
    all_known(sensor, registry.known)
    quality, epoch = np.empty(0, np.uint16), np.empty(0, np.int32)
    admit(sensor, time, number, quality, epoch, np.empty(0, SENSOR_STATE), registry.low, registry.high)
    events, signals = np.empty(0, ladder.EVENT), np.empty(0, ladder.SIGNAL)
    group = bind_ladders(nothing, Threshold, [])
    shared = group.limit_of, group.limits, group.states, group.quiet
    waiting = group.waiting, group.waiting_count, group.is_listed
    threshold.walk(
        sensor, time, number, flag, flag, flag, flag, time, time, events, group.first, *(*shared, *waiting)
    )  # fmt: skip
    ladder.walk_signals(signals, sensor, time, time, time, events, *(*shared, *waiting))
    states = np.empty(0, SENSOR_STATE)
    ladder.announce(
        0, 0, group.sensor, group.announced, states["last_time"], states["last_good"], time,
        group.limit_of, group.limits, group.states, *waiting, events,
    )  # fmt: skip
    ladder.is_waiting(ladder.new_state(1)[0])
    silent = bind_stale(nothing)
    stale.walk(sensor, time, flag, silent.first, silent.deadline, silent.states, np.empty(0, stale.EVENT))
    stale.tick(0, silent.deadline, silent.states, np.empty(0, stale.EVENT))
    gateways = bind_gateways(nothing, [])
    gateways.hear(sensor, time, flag)
    gateways.judge(0)
    for kind in SIGNAL_KINDS:
        given = bind_ladders(nothing, kind, [])
        assert given.detector is not None
        fetch_bindings(
            sensor, given.first, given.detector.parameter_of, given.limit_of, given.quiet,
            given.detector.state_bytes, given.detector.memory,
        )  # fmt: skip
        kind.walk(
            sensor, time, time, number, flag, flag, given.first, given.detector.parameter_of,
            given.detector.parameters, given.detector.states, given.detector.memory, signals,
        )  # fmt: skip


if __name__ == "__main__":
    load_kernels()
