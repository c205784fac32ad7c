"""The rain that the ground remembers for weeks: of the whole stream, so that no window of it starts dry."""

from simulators.events import rain_at
from simulators.physics import DAY_S
from simulators.world import World

_BEFORE_D = 60  # before the stream's start


def long_rain(world: World, east: float, north: float) -> list[tuple[float, float, float]]:
    """Return the rain on a place from sixty days before the stream's start on, in blocks (start s, end s, mm/h).

    That of the season is one even block a rainy day, which is fine enough for what lags by days; storms come as told.
    """
    blocks = []
    for day in range(-_BEFORE_D, int(world.end_s // DAY_S) + 2):
        fallen = world.rain_of_day(day)
        if fallen:
            start, end = fallen[0][0], fallen[-1][1]
            depth = sum((stop - begin) * mm_h for begin, stop, mm_h in fallen)
            blocks.append((start, end, depth / (end - start)))
    return rain_at(blocks, world.storms, east, north)
