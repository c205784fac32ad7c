"""Kernels are compiled before the first reading: what load_kernels compiles is what the engine calls."""

import subprocess
import sys

SCRIPT = """
import numpy as np
from numba.core.registry import CPUDispatcher
import alerts.admission
from alerts.conditions import gateway_silent, ladder, stale, threshold
from alerts.engine import Engine
from alerts.kernels import load_kernels
from alerts.kinds import SIGNAL_KINDS
from alerts.rule_file import default_packs
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor
from model.vocabulary import PROPERTIES

modules = [alerts.admission, gateway_silent, ladder, stale, threshold, *SIGNAL_KINDS]
kernels = {(m.__name__, n): k for m in modules for n, k in vars(m).items() if isinstance(k, CPUDispatcher)}
load_kernels()
before = {name: len(kernel.signatures) for name, kernel in kernels.items()}
packs = default_packs()
chosen = {(r.select.system or "water", r.select.property) for p in packs for r in p.rules if r.select.property}
sensors = {
    key: Sensor(
        sensor=f"s{key}", city="c", system=s, property=p, unit=PROPERTIES[p].unit, interval_s=60.0,
        attributes={"gateway": f"g{key % 2}"},
    )
    for key, (s, p) in enumerate(sorted(chosen))
}
engine = Engine(packs, Registry(1, sensors, {"c": City(city="c")}))
keys = np.tile(np.arange(len(sensors), dtype=np.int32), 50)
times = np.repeat(np.arange(50) * 60_000 + 1_760_000_000_000, len(sensors))
for value in (1.0, 50.0):
    values, qualities = np.full(len(keys), value), np.zeros(len(keys), np.uint16)
    engine.evaluate(ReadingBatch(1, int(times[-1]), keys, times, values, qualities, times))
    times = times + 50 * 60_000
grown = {name: len(kernel.signatures) for name, kernel in kernels.items() if len(kernel.signatures) != before[name]}
assert not grown, grown
assert engine.gateways.bindings
assert len(kernels) > 5
"""


def test_nothing_is_compiled_when_readings_come() -> None:
    finished = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=280)
    assert finished.returncode == 0, finished.stderr
