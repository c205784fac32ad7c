"""Gas in several chambers that ducts or sewers join: the leak beside one is found in its neighbours, later and less."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.physics import FloatArray
from simulators.physics.gas import METHANE_LEL_FRACTION


@dataclass(frozen=True, slots=True)
class Chamber:
    """A valve chamber or manhole: its air volume and the fresh air that its openings let through."""

    volume_m3: float
    ventilation_m3_h: float


@dataclass(frozen=True, slots=True)
class Duct:
    """A duct between two chambers, by their index, and the air that goes each way through it."""

    one: int
    other: int
    exchange_m3_h: float


def joined_lel(
    times: FloatArray,
    chambers: Sequence[Chamber],
    ducts: Sequence[Duct],
    leaks: Sequence[tuple[int, float, float, float]],
) -> FloatArray:
    """Return the methane in %LEL, shape (chambers, n), at `times` (s), for leaks (chamber, start s, end s, m3/h).

    Well-mixed boxes with exchange: V_i dC_i/dt = q_i (1 - C_i) - Q_i C_i + sum_j D_ij (C_j - C_i), clean before the
    first leak. With y = V^(1/2) C the matrix is symmetric, so that each piece of constant inflow is solved exactly in
    its modes: z = z0 exp(-a t) + g (1 - exp(-a t)) / a. Source: multizone mass balance of indoor air, e.g. Sherman,
    Building and Environment 24 (1989); the way through the duct takes no time.
    """
    volume = np.array([c.volume_m3 for c in chambers]) * 3600.0  # flows are per hour, times in seconds
    ventilation = np.array([c.ventilation_m3_h for c in chambers])
    exchange = np.zeros((len(chambers), len(chambers)))
    for duct in ducts:
        exchange[duct.one, duct.other] += duct.exchange_m3_h
        exchange[duct.other, duct.one] += duct.exchange_m3_h
    edges = sorted({edge for _, start, end, _ in leaks for edge in (start, end)})
    fraction = np.zeros((len(chambers), len(times)))
    level = np.zeros(len(chambers))
    root = np.sqrt(volume)
    for begin, end in zip(edges, [*edges[1:], np.inf], strict=True):
        inflow = np.zeros(len(chambers))
        for chamber, start, stop, size in leaks:
            inflow[chamber] += size * (start <= begin < stop)
        loss = np.diag(ventilation + inflow + exchange.sum(axis=1)) - exchange
        rate, mode = np.linalg.eigh(loss / np.outer(root, root))
        rate = np.maximum(rate, 1e-15)  # closed chambers: the limit is filling without end
        held, fed = mode.T @ (root * level), mode.T @ (inflow / root)
        mine = (times >= begin) & (times < end)
        fraction[:, mine] = _mix(times[mine] - begin, root, rate, mode, held, fed)
        if np.isfinite(end):
            level = _mix(np.array([end - begin]), root, rate, mode, held, fed)[:, 0]
    return 100.0 * fraction / METHANE_LEL_FRACTION


def _mix(
    elapsed: FloatArray, root: FloatArray, rate: FloatArray, mode: FloatArray, held: FloatArray, fed: FloatArray
) -> FloatArray:
    """The volume fractions, shape (chambers, n), that long (s) after the piece began: the modes back in chambers."""
    gone = -np.expm1(-np.outer(rate, elapsed))
    modes = held[:, None] * (1.0 - gone) + fed[:, None] * gone / rate[:, None]
    # Summed one by one: in a product of matrices the last bit of a column hangs on how many there are.
    mixed = sum(mode[:, k, None] * modes[k] for k in range(len(modes)))
    return np.asarray(mixed / root[:, None], np.float64)
