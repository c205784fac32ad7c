"""Sensors of the gas: heads in valve chambers and beside old pipes, alarms of businesses, pressure and flow."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from simulators.cities.blocks import places_in_blocks
from simulators.cities.chance import Chance, IntArray, distance
from simulators.cities.drainage import Sewers
from simulators.cities.gas import LOW_KPA, MEDIUM_KPA, GasNetwork
from simulators.cities.plans import CityPlan
from simulators.cities.sensors import SensorGroup, dates, on_nodes, spread, texts
from simulators.cities.streets import Streets

DAY_S = 86_400.0
_NEAR_M = 60.0  # from an old pipe to a manhole that gas would reach


def gas_groups(plan: CityPlan, streets: Streets, gas: GasNetwork, sewers: Sewers, seed: int) -> Iterator[SensorGroup]:
    """Yield the groups of sensors that stand on the gas network and at its users."""
    chance = Chance(seed, plan.name, "gas sensors")
    pipes = gas.pipes
    chambers = gas.chambers[spread(len(gas.chambers), plan.gas_heads // 2)]
    old_at = np.zeros(len(pipes.node_names), np.bool_)
    old_at[pipes.from_node[gas.ageing]] = True
    old_at[pipes.to_node[gas.ageing]] = True
    head: dict[str, Any] = {"system": "gas", "property": "combustible_gas", "unit": "%{LEL}", "resolution": "0.1",
                            "noise": 0.2, "fields": {"valid_min": 0.0, "valid_max": 100.0}}  # fmt: skip
    yield SensorGroup(
        "gas-chamber", ("gas head, valve chamber", "燃气阀井可燃气体"), interval_s=60, **on_nodes(gas.pipes, chambers),
        columns={"pipe": ["ageing" if old_at[k] else "" for k in chambers.tolist()],
                 "calibration_due": dates(30 + chance.below(300, len(chambers)))},
        wireless=True, **head,
    )  # fmt: skip
    manholes, beside = manholes_beside_old_pipes(gas, sewers, chance, plan.gas_heads - len(chambers))
    yield SensorGroup(
        "gas-manhole", ("gas head, manhole beside old pipe", "老旧燃气管道邻井可燃气体"), interval_s=60,
        **on_nodes(sewers.pipes, manholes),
        columns={"pipe": "ageing", "gas_pipe": [pipes.link_names[k] for k in beside.tolist()],
                 "pipe_built": texts(pipes.year[beside], "d"),
                 "calibration_due": dates(30 + chance.below(300, len(manholes)))},
        wireless=True, **head,
    )  # fmt: skip
    yield _business_alarms(plan, streets, chance, head)
    yield from _pressures(gas)
    gates = np.asarray([k for k, kind in enumerate(pipes.node_kinds) if kind == "gate-station"], np.int64)
    metered = np.concatenate([gates, gas.regulators[spread(len(gas.regulators), len(gas.regulators) // 3)]])
    yield SensorGroup(
        "gas-flow", ("gas flow", "燃气流量"), "gas", "gas_flow", "m3/h", 300, "0.1", 1.5, **on_nodes(gas.pipes, metered)
    )


def manholes_beside_old_pipes(gas: GasNetwork, sewers: Sewers, chance: Chance, count: int) -> tuple[IntArray, IntArray]:
    """Return (manholes, ageing pipes): runs of three manholes down the sewer, each beside the old pipe it is near.

    Fewer than `count` where the city has no more such runs.
    """
    old = np.flatnonzero(gas.ageing & (gas.pipes.link_line >= 0))
    east, north = (part[old] for part in gas.pipes.middles())
    below = sewers.pipes.to_node.tolist()
    taken: dict[int, int] = {}
    ground = sewers.pipes.east[: sewers.manholes], sewers.pipes.north[: sewers.manholes]
    for k in chance.order(len(old)).tolist():
        if len(taken) + 3 > count:
            break
        away = distance(ground[0] - east[k], ground[1] - north[k])
        run = [int(np.argmin(away))]
        while len(run) < 3 and below[run[-1]] < sewers.manholes:
            run.append(below[run[-1]])
        if len(run) == 3 and away[run[0]] < _NEAR_M and not taken.keys() & set(run):
            taken.update(dict.fromkeys(run, int(old[k])))
    manholes = np.asarray(sorted(taken), np.int64)
    return manholes, np.asarray([taken[k] for k in manholes.tolist()], np.int64)


def _business_alarms(plan: CityPlan, streets: Streets, chance: Chance, head: dict[str, Any]) -> SensorGroup:
    """Alarms of restaurants and businesses: they speak when something happens, and once a day that they are there."""
    count = plan.gas_alarms
    places = places_in_blocks(streets, chance, count)
    first = chance.uniform(count) < 0.7  # of two makers
    fields = {**head["fields"], "reporting": "by_exception", "silence_s_max": 93_600.0}
    return SensorGroup(
        "gas-alarm", ("commercial gas alarm", "商业用户燃气报警器"), interval_s=DAY_S, east=places.east,
        north=places.north, line=streets.line_of_crossing[places.corner],
        district=streets.district[places.corner], place=places.block,
        assets=[f"{plan.code}-gas-user-{k + 1:05d}" for k in range(count)],
        columns={"place": "catering", "low_alarm": np.where(first, "10", "20").tolist(),
                 "high_alarm": np.where(first, "25", "50").tolist(),
                 "inspection_due": dates(30 + chance.below(600, count))},
        **{**head, "resolution": "1", "noise": 0.3, "fields": fields},
    )  # fmt: skip


def _pressures(gas: GasNetwork) -> Iterator[SensorGroup]:
    for thing, side, side_zh, set_kpa, pressure_class, resolution, noise in (
        ("gas-inlet", "inlet", "进口", MEDIUM_KPA, "medium-a", "0.1", 0.4),
        ("gas-outlet", "outlet", "出口", LOW_KPA, "low", "0.01", 0.008),
    ):
        yield SensorGroup(
            thing, (f"gas pressure, regulator {side}", f"燃气调压箱{side_zh}压力"), "gas", "gas_pressure", "kPa", 60,
            resolution, noise, **on_nodes(gas.pipes, gas.regulators),
            columns={"set_kpa": f"{set_kpa:g}", "pressure_class": pressure_class, "place": "regulator", "side": side},
        )  # fmt: skip
