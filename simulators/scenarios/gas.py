"""Stories of the gas: an old pipe beside manholes, a restaurant's kitchen, alarms that are heard no more."""

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance, IntArray
from simulators.courses.gas import GasLeak, KitchenLeak
from simulators.events import Fault
from simulators.scenarios.choice import group_of, one_of
from simulators.scenarios.story import DAY_S, HOUR_S, MINUTE_S, Claim, Scenario, Story

HOLE_MM = (11.5, 12.5)
ENTERING = 0.006  # of the leak, into the first manhole: 75 to 90 %LEL there, a third and a fifth of it in the next two
KITCHEN_M3_H = 1.6  # 63 %LEL after two hours with the hood off
OFFLINE_SHARE, OFFLINE_MAX = 0.004, 8
OFFLINE_FROM_S, OFFLINE_S = 25 * HOUR_S, 2 * DAY_S + 6 * HOUR_S  # all have been heard once before
OFFLINE_WITHIN_S = 93_600.0 + 10 * MINUTE_S  # the silence that their registration allows, and a little


def gas_leak(city: SimulatedCity, seed: int) -> Story:
    """An old pipe leaks into three manholes from the fifth minute on, and is shut off after an hour."""
    chance = Chance(seed, city.plan.name, "gas-leak")
    beside = _beside_old_pipes(city)
    if not beside:
        return Story()
    pipe, manholes = one_of(beside, chance)
    hole_mm = float(chance.uniform(1, *HOLE_MM)[0])
    return Story([GasLeak(pipe, manholes, 5 * MINUTE_S, 65 * MINUTE_S, hole_mm, ENTERING)])


def _beside_old_pipes(city: SimulatedCity) -> list[tuple[int, tuple[int, ...]]]:
    """Old pipes, by their index, and the three manholes with heads beside each, down the sewer."""
    heads = group_of(city, "gas-manhole")
    if heads is None:
        return []
    pipes = {name: k for k, name in enumerate(city.gas.pipes.link_names)}
    runs: dict[str, list[int]] = {}
    for manhole, pipe in zip(heads.place.tolist(), heads.columns["gas_pipe"], strict=True):
        runs.setdefault(pipe, []).append(manhole)
    found = []
    below = city.sewers.pipes.to_node
    for pipe, manholes in runs.items():
        for first in manholes:
            run = _down(below, first, 3)
            if len(set(run)) == 3 and set(run) <= set(manholes):
                found.append((pipes[pipe], tuple(run)))
    return found


def _down(below: IntArray, first: int, count: int) -> list[int]:
    run = [first]
    while len(run) < count and run[-1] < len(below):
        run.append(int(below[run[-1]]))
    return run


def restaurant_leak(city: SimulatedCity, seed: int) -> Story:
    """Gas escapes in a restaurant's kitchen after closing time, with the hood off, for two hours."""
    alarms = group_of(city, "gas-alarm")
    if alarms is None:
        return Story()
    alarm = one_of(range(len(alarms)), Chance(seed, city.plan.name, "restaurant-leak"))
    start_s = 20 * MINUTE_S
    return Story([KitchenLeak(alarm, start_s, start_s + 2 * HOUR_S, KITCHEN_M3_H)])


def gas_alarm_offline(city: SimulatedCity, seed: int) -> Story:
    """Some commercial alarms, which speak once a day, are not heard again."""
    alarms = group_of(city, "gas-alarm")
    if alarms is None:
        return Story()
    count = min(OFFLINE_MAX, max(1, round(OFFLINE_SHARE * len(alarms))))
    ids = alarms.ids(city.plan)
    chosen = [ids[k] for k in sorted(Chance(seed, city.plan.name, "offline").order(len(ids))[:count].tolist())]
    note = "the alarm is offline, nobody would hear it; found by the heartbeat that fails to come"
    return Story(
        [Fault("silent", frozenset(chosen), OFFLINE_FROM_S, OFFLINE_S)],
        [Claim(name, OFFLINE_FROM_S, OFFLINE_S, "silent", None, OFFLINE_WITHIN_S, note) for name in chosen],
    )


SCENARIOS = [
    Scenario(
        "gas-leak", "an old gas pipe leaks into three manholes beside it", "2026-11-24T18:00", 3 * HOUR_S, gas_leak,
        ("gas-manhole", "gas-inlet", "gas-outlet"),
    ),
    Scenario(
        "restaurant-leak", "gas escapes in a restaurant's kitchen after closing time", "2026-11-24T22:00", 5 * HOUR_S,
        restaurant_leak, ("gas-alarm",),
    ),
    Scenario(
        "gas-alarm-offline", "some commercial gas alarms fall silent", "2026-11-24T08:00", OFFLINE_S,
        gas_alarm_offline, ("gas-alarm",),
    ),
]  # fmt: skip
