"""The kernels of the way in: compiled, or taken from numba's cache, before the first message has to wait for them."""

import numpy as np

import ingest.decoders.plain_walk  # noqa: F401  (compiled when it is imported)
from ingest.judgement import Judgement
from ingest.settings import IngestLimits
from model.registry import Registry
from model.sensor import Sensor
from store.batches import IncomingReadings


def load_kernels() -> None:
    """Judge readings that are none. Takes some seconds where nothing is cached, else a quarter of one."""
    sensor = Sensor(sensor="none", city="none", system="gas", property="gas_pressure", unit="kPa", interval_s=1)
    registry = Registry(0, {0: sensor}, {})
    judgement = Judgement(registry, IngestLimits())
    for count in (0, 2):  # numpy hands an array of one value or none on as another type
        rows = np.arange(count)
        readings = IncomingReadings(np.zeros(count, np.int32), rows, np.zeros(count), np.zeros(count, np.uint16))
        judgement.commit(judgement.judge(registry, readings, [], 0, rows))


if __name__ == "__main__":
    load_kernels()
