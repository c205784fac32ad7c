"""Asking for memory ahead of the kernels: which sensor speaks next no processor can guess, but the batch tells."""

from typing import Any

import numba
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

It changes nothing and waits for nothing. `llvm.prefetch` of the LLVM Language Reference Manual.
"""


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
