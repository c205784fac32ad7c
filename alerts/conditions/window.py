"""What several kinds need of a window of recent values: a ring in a row of memory, the median of some, and fetching."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

AHEAD = 32
"""How many rows ahead a kernel asks for what it will need: about as long as memory takes."""
LINE_BYTES = 64
"""What a processor fetches from memory at a time."""
LINES_MAX = 24
"""More of a binding's memory is not fetched: kinds that remember as much look at little of it at a time."""


def _fetch(typingctx: Any, array: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type = signature.args[0]
        made = context.make_array(array_type)(context, builder, arguments[0])
        pointer = cgutils.get_item_pointer(context, builder, array_type, made, [arguments[1]], wraparound=False)
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        reads, keep, data = number(0), number(3), number(1)
        builder.call(function, [builder.bitcast(pointer, byte), reads, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


fetch: Any = intrinsic(_fetch)
"""fetch(array, place) asks the processor for an element of an array (n,) that a kernel will need soon.

It changes nothing and waits for nothing. Which sensor's reading comes next no processor can guess, but the batch tells.
`llvm.prefetch` of the LLVM Language Reference Manual.
"""


MAD_TO_SIGMA = 1.4826
"""The median absolute deviation of normal noise times this is its standard deviation (Hampel 1974)."""


@numba.njit(cache=True)
def fetch_bindings(sensor, first, parameter_of, limit_of, quiet, states, memory):
    """Fetch what a kind knows of the sensors (registry keys, (n,)) of a batch, before its kernel walks them.

    Sensor k has the bindings `first[k]` to `first[k + 1]`; the other arrays have an element or a row a binding: states
    as bytes, memory as numbers.
    """
    items = LINE_BYTES // 8
    for row in range(min(AHEAD, len(sensor))):
        fetch(first, sensor[row])
    for row in range(len(sensor)):
        if row + AHEAD < len(sensor):
            fetch(first, sensor[row + AHEAD])
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            fetch(parameter_of, binding)
            fetch(limit_of, binding)
            fetch(quiet, binding)
            fetch(states[binding], 0)
            fetch(states[binding], states.shape[1] - 1)
            for item in range(0, min(memory.shape[1], LINES_MAX * items), items):
                fetch(memory[binding], item)


@numba.njit(cache=True)
def push(memory, width, count, value):
    """Put `value` in place of the oldest of the `width` values at the start of `memory`; return the new count.

    `count` is the number of values put in so far; value number i (from 0) stands at i modulo `width`.
    """
    memory[count % width] = value
    return count + 1


@numba.njit(cache=True)
def in_order(values, count, rank):
    """Return the value at place `rank` (from 0) in rising order of the first `count`, which it rearranges (Hoare)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            break
    return values[rank]


@numba.njit(cache=True)
def median(values, count):
    """Return the median of the first `count` values (at least one), whose order it changes."""
    middle = count // 2
    upper = in_order(values, count, middle)
    if count % 2:
        return upper
    below = values[0]
    for place in range(1, middle):
        below = max(below, values[place])
    return 0.5 * (below + upper)


@numba.njit(cache=True)
def median_and_deviation(values, count, scratch):
    """Return the median of the first `count` values and their median absolute deviation; `scratch` has as much room."""
    for place in range(count):
        scratch[place] = values[place]
    center = median(scratch, count)
    for place in range(count):
        scratch[place] = abs(values[place] - center)
    return center, median(scratch, count)


@numba.njit(cache=True)
def in_direction(direction, signal):
    """Return the size of a signed signal in a direction: 1 rises, -1 falls, 0 either."""
    return abs(signal) if direction == 0 else direction * signal


@numba.njit(cache=True)
def usual_noise(usual, count, noise, readings):
    """Return what noise is usual after number `count` (from 1) of those that were seen, the newest being `noise`.

    The mean of the first, then an exponential mean over `readings`, in which none counts for more than twice the usual.
    """
    if 2 * count > readings:
        noise = min(noise, 2.0 * usual)
    return usual + (noise - usual) / min(count, readings)


DIRECTIONS = {"above": 1, "below": -1, "either": 0}
NO_SCRATCH = np.empty(0)
