"""Levels in sewers that carry more than they can: the hydraulic grade line, from the outfalls up."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from simulators.cities.drainage import Sewers
from simulators.physics import FloatArray
from simulators.physics.sewer import OVER_GROUND_M, full_flow_m3_s, partial_flow
from simulators.physics.sewer import Sewers as Reaches

_FILLS = np.linspace(0.0, 0.94, 400)
_FLOWS = partial_flow(_FILLS)[1]
_WIDER = 2.0


class Surcharged(NamedTuple):
    """Levels above the inverts and flows in the pipes, (manholes, n) both."""

    level_m: FloatArray
    outflow_m3_s: FloatArray


def with_streets(reaches: Reaches) -> Reaches:
    """Return reaches that never run full: what a pipe cannot take runs along the street to the next manhole.

    Twice the bore carries more than six times the flow.
    """
    return replace(reaches, diameter_m=_WIDER * reaches.diameter_m, ground_m=reaches.ground_m + 2.0 * _WIDER)


def surcharged(sewers: Sewers, reaches: Reaches, flow_m3_s: FloatArray) -> Surcharged:
    """Return levels and flows in the pipes under the flows (manholes, n) that arrive at each manhole.

    At each moment steady: a pipe that is not drowned runs at its normal depth; a drowned or overloaded one loses
    (Q / Q full)^2 S L on its way, above the level below it or its own crown there; no level is below the next one
    downstream, and none more than `OVER_GROUND_M` above the ground, where the rest runs along the street. Outfalls are
    free. Source: the energy grade line of storm drains without losses in the manholes, FHWA Hydraulic Engineering
    Circular 22, chapter 7; the loss by Manning as in full_flow_m3_s.
    """
    count = sewers.manholes
    invert, below = sewers.pipes.level_m[:count, None], sewers.pipes.to_node[:count]
    full = full_flow_m3_s(reaches)[:, None]
    loss = (reaches.slope * reaches.length_m)[:, None]
    crown_below = (sewers.pipes.level_m[below] + reaches.diameter_m)[:, None]
    brim = (sewers.pipes.ground_m[:count] + OVER_GROUND_M)[:, None]
    head = invert + np.interp(flow_m3_s / full, _FLOWS, _FILLS) * reaches.diameter_m[:, None]
    carried = flow_m3_s.copy()
    for nodes in _from_outfalls(reaches):
        down = reaches.down[nodes]
        next_head = np.where(down[:, None] >= 0, head[down], -np.inf)
        pressed = (flow_m3_s[nodes] > full[nodes]) | (next_head > crown_below[nodes])
        outlet = np.maximum(next_head, crown_below[nodes])
        drowned = outlet + (flow_m3_s[nodes] / full[nodes]) ** 2 * loss[nodes]
        risen = np.maximum(np.maximum(head[nodes], next_head), np.where(pressed, drowned, -np.inf))
        head[nodes] = np.minimum(risen, brim[nodes])
        can = full[nodes] * np.sqrt(np.maximum(head[nodes] - outlet, 0.0) / loss[nodes])
        carried[nodes] = np.where(pressed, np.minimum(flow_m3_s[nodes], can), flow_m3_s[nodes])
    return Surcharged(head - invert, carried)


def _from_outfalls(reaches: Reaches) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The manholes in groups: those before the outfalls, those above these, and so on."""
    order: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    reached = reaches.down < 0
    group = np.flatnonzero(reached)
    by_below = np.argsort(reaches.down, kind="stable")
    sorted_below = reaches.down[by_below]
    while len(group):
        order.append(group)
        first, last = (np.searchsorted(sorted_below, group, side=side) for side in ("left", "right"))
        group = np.concatenate([by_below[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)])
    return order
