"""Kernels are compiled before the first message: what load_kernels compiles is what ingest calls."""

import subprocess
import sys

SCRIPT = """
import numpy as np
from numba.core.registry import CPUDispatcher
import ingest.course_walk, ingest.decoders.plain_walk, ingest.gaps, ingest.limiter
from ingest.committer import Places, prepare
from ingest.decode import decode_messages
from ingest.gathered import join
from ingest.judgement import Judgement
from ingest.kernels import load_kernels
from ingest.message import Message
from ingest.settings import IngestLimits
from model.registry import Registry
from model.sensor import City, Sensor

modules = [ingest.course_walk, ingest.decoders.plain_walk, ingest.gaps, ingest.limiter]
kernels = {(m.__name__, n): k for m in modules for n, k in vars(m).items() if isinstance(k, CPUDispatcher)}
load_kernels()
before = {name: len(kernel.signatures) for name, kernel in kernels.items()}
limits, now = IngestLimits(), 1_795_334_400_000
sensor = Sensor(sensor="gas-1", city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)
registry = Registry(1, {1: sensor}, {"c": City(city="c", mode="test")})
judgement = Judgement(registry, limits)
plain = b'{"time":%d,"value":1}'
others = [b'{"time":"2026-11-22T08:00:00Z","value":1}', b'{"time":%d,"value":1,"sequence":7}', b"{}", b'{"value":1e9}']
for payloads in ([plain], [plain, plain], [plain, *others], others, [b"[" + plain + b"," + plain + b"]"] * 3):
    texts = [one % (now + i) if b"%d" in one and one.count(b"%d") == 1 else one for i, one in enumerate(payloads)]
    messages = [Message("lifeline/c/gas/gas-1", text.replace(b"%d", b"%d" % now), len(text)) for text in texts]
    gathered = join([decode_messages(messages, limits)] * 2)
    for part in (gathered, gathered.part(0, 1)):
        prepared = prepare(Places(registry), part, now, limits)
        ruling = judgement.judge(registry, prepared.readings, prepared.rejections, now, prepared.sequence)
        judgement.commit(ruling)
grown = {name: len(kernel.signatures) for name, kernel in kernels.items() if len(kernel.signatures) != before[name]}
assert not grown, grown
assert len(kernels) > 5
"""


def test_nothing_is_compiled_when_messages_come() -> None:
    finished = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=280)
    assert finished.returncode == 0, finished.stderr
