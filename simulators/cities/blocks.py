"""Places within a city's blocks: where a station, a cabinet or a building stands, and the corner it is joined to."""

from typing import NamedTuple

import numpy as np

from simulators.cities.chance import Chance, IntArray, to_centimetres
from simulators.cities.streets import Streets
from simulators.physics import FloatArray


class BlockPlaces(NamedTuple):
    """Places in blocks as arrays (n,): the block, the crossing at its nearest corner, metres east and north."""

    block: IntArray
    corner: IntArray
    east: FloatArray
    north: FloatArray


def places_in_blocks(streets: Streets, chance: Chance, count: int) -> BlockPlaces:
    """Return `count` places spread over the blocks, one in each before any gets a second; in order of the block."""
    blocks = len(streets.blocks)
    chosen = [chance.order(blocks) for _ in range(-(-count // blocks))]
    block = np.sort(np.concatenate(chosen)[:count])
    across, along = chance.uniform(count, 0.15, 0.85), chance.uniform(count, 0.15, 0.85)
    corners = streets.blocks[block]
    east, north = (to_centimetres(_within(part[corners], across, along)) for part in (streets.east, streets.north))
    nearest = np.where(across < 0.5, np.where(along < 0.5, 0, 3), np.where(along < 0.5, 1, 2))
    return BlockPlaces(block, corners[np.arange(count), nearest], east, north)


def around(places: BlockPlaces, chance: Chance, each: int, away_m: float) -> tuple[FloatArray, FloatArray]:
    """Return metres east and north of `each` further places about every place, at most `away_m` off either way."""
    count = len(places.block) * each
    return (
        to_centimetres(np.repeat(places.east, each) + chance.uniform(count, -away_m, away_m)),
        to_centimetres(np.repeat(places.north, each) + chance.uniform(count, -away_m, away_m)),
    )


def _within(corners: FloatArray, across: FloatArray, along: FloatArray) -> FloatArray:
    """Bilinear between the four corners (n, 4), which go round the block."""
    near = corners[:, 0] + across * (corners[:, 1] - corners[:, 0])
    far = corners[:, 3] + across * (corners[:, 2] - corners[:, 3])
    return near + along * (far - near)
