"""Tries inputs on a target, in this process: what was accepted and refused, what broke, what took time and memory."""

import contextlib
import gc
import random
import resource
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.changing import changed
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

MEMORY_BYTES_MAX = 64 * 1024 * 1024  # that one input may take
FINDINGS_MAX = 20  # of one target that are told of; then it is broken enough
_RESET_EVERY = 500  # inputs after which the peak of memory is measured anew


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that broke the word: `what` is crash, slow, memory, hang or died."""

    target: str
    number: int
    what: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What inputs of a target came to; times in milliseconds of processor time, memory in bytes."""

    target: str
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    longest_ms: float = 0.0
    longest_number: int = -1
    most_bytes: int = 0  # that one input took beyond what was there
    grown_bytes: int = 0  # of the process, from the first input to the last
    findings: list[Finding] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def input_of(target: Target, name: str, seed: int, number: int) -> bytes:
    """Return an input, the same for the same seed and number."""
    chance = random.Random(f"{seed} {name} {number}")
    return changed(target.good, target.form, target.words, chance, target.bytes_max)


def try_inputs(
    name: str, seed: int, numbers: Iterable[int], begun: Callable[[int], None] = lambda number: None
) -> Tally:
    """Try inputs of a target by their numbers; `begun` is told of each before it is tried."""
    target = TARGETS[name][1]()
    for one in target.good:  # what is compiled, imported or remembered at first is so by now
        target.take(one)
    gc.collect()
    gc.freeze()
    tally, at_first = Tally(name), _resident_bytes()
    for number in numbers:
        data = input_of(target, name, seed, number)
        begun(number)
        if tally.inputs % _RESET_EVERY == 0:
            _forget_peak()
        _try_one(target, tally, number, data)
        if len(tally.findings) >= FINDINGS_MAX:
            break
    tally.grown_bytes = max(0, _resident_bytes() - at_first)
    return tally


def _try_one(target: Target, tally: Tally, number: int, data: bytes) -> None:
    peak = _peak_bytes()
    began = time.thread_time()
    try:
        is_accepted = target.take(data)
    except Exception as error:
        is_accepted = False
        where = "".join(traceback.format_tb(error.__traceback__)[-2:]).strip()[-600:]
        tally.findings.append(
            Finding(tally.target, number, "crash", f"{type(error).__name__}: {error}"[:400] + f"\n{where}")
        )
    took_s = time.thread_time() - began
    if took_s > target.slow_s:
        took_s = min(took_s, *(_time_again(target, data) for _ in range(2)))
    took_bytes = _peak_bytes() - peak
    tally.inputs += 1
    tally.accepted += is_accepted
    tally.refused += not is_accepted
    tally.most_bytes = max(tally.most_bytes, took_bytes)
    if took_s * 1000 > tally.longest_ms:
        tally.longest_ms, tally.longest_number = took_s * 1000, number
    if took_s > target.slow_s:
        tally.findings.append(Finding(tally.target, number, "slow", f"{took_s * 1000:.0f} ms for {len(data)} bytes"))
    if took_bytes > MEMORY_BYTES_MAX:
        tally.findings.append(Finding(tally.target, number, "memory", f"{took_bytes} bytes for {len(data)} bytes"))


def _time_again(target: Target, data: bytes) -> float:
    """Time it once more: what the collector or the machine did meanwhile is not the input's."""
    gc.collect()
    began = time.thread_time()
    try:
        target.take(data)
    except Exception:  # told of already
        return 0.0
    return time.thread_time() - began


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _forget_peak() -> None:
    """Let the peak begin anew where the kernel allows it; else only what is above all before is seen."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
