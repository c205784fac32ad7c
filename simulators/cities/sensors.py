"""The sensors of a simulated city in groups of like ones: arrays for what differs, one value for what does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model.sensor import Sensor
from simulators.cities.chance import IntArray, distance
from simulators.cities.pipes import Pipes, numbered
from simulators.cities.plans import CityPlan
from simulators.cities.streets import Streets
from simulators.physics import FloatArray

QUICK_SILENCE: Mapping[str, Any] = {"silence_s_max": 60.0}
"""Field of sensors that speak every few seconds: three intervals of silence are no more than a hiccup of the line."""
GRID_M = 500.0  # side of the cells that grid workers have
_CELL_M = 600.0  # in which a gateway is looked for first


@dataclass(frozen=True)
class SensorGroup:
    """Sensors (n,) of one kind, numbered from 1: `{code}-{thing}-0001`.

    `east` and `north` are metres from the city's centre, `line` the street of each (-1: none), `place` the index of
    what it stands on: a node or link of its network, or a place of its own kind. `assets` are ids, of the network
    where it has them. `noise` is the standard deviation of its readings, `resolution` the step between two values,
    both in `unit`. `fields` are further fields that all have; `columns` attributes, of all or of each.
    """

    thing: str
    what: tuple[str, str]  # in English and Chinese
    system: str
    property: str
    unit: str
    interval_s: float
    resolution: str
    noise: float
    east: FloatArray
    north: FloatArray
    line: IntArray
    district: IntArray
    place: IntArray
    assets: list[str]
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    upstream: list[str] | None = None
    cameras: list[str] | None = None
    wireless: bool = False  # speaks through the gateway in the nearest lamp post
    sleep_s: float = 0.0  # between two wakings, at which it sends what it has measured; 0 for one that is awake

    def __len__(self) -> int:
        return len(self.assets)

    def ids(self, plan: CityPlan) -> list[str]:
        """The ids of the sensors."""
        return sensor_ids(plan, self.thing, len(self))


def sensor_ids(plan: CityPlan, thing: str, count: int) -> list[str]:
    """Return the ids of a group of that many sensors."""
    return numbered(plan.code, thing, count)


def sensors_of(
    group: SensorGroup, plan: CityPlan, streets: Streets, gateways: tuple[FloatArray, FloatArray] | None
) -> Iterator[Sensor]:
    """Yield the sensors of a group as the registry takes them; `gateways` are the places of the lamp posts' ones."""
    longitude, latitude = (part.tolist() for part in streets.frame.degrees(group.east, group.north))
    districts = plan.districts or ((plan.name_en, plan.name_zh),)
    cells = [np.floor(part / GRID_M).astype(np.int64) + 500 for part in (group.east, group.north)]
    fixed = {"resolution": group.resolution, **{k: v for k, v in group.columns.items() if isinstance(v, str)}}
    varied = {name: values for name, values in group.columns.items() if not isinstance(values, str)}
    if gateways is not None and group.wireless and len(gateways[0]):
        numbers = nearest_gateway(group.east, group.north, *gateways).tolist()
        names = sensor_ids(plan, "gateway", len(gateways[0]))
        varied["gateway"] = [names[number] for number in numbers]
    what, what_zh = group.what
    lines, parts = group.line.tolist(), group.district.tolist()
    for k, (name, across, along) in enumerate(zip(group.ids(plan), *(part.tolist() for part in cells), strict=True)):
        district, district_zh = districts[parts[k]]
        street, street_zh = streets.line_names[lines[k]] if lines[k] >= 0 else (district, district_zh)
        attributes = {**fixed, "district_zh": district_zh}
        attributes.update((column, values[k]) for column, values in varied.items() if values[k])
        yield Sensor(
            sensor=name,
            city=plan.city,
            system=group.system,
            property=group.property,
            unit=group.unit,
            interval_s=group.interval_s,
            longitude=longitude[k],
            latitude=latitude[k],
            name=f"{street} {what} {k + 1}",
            name_zh=f"{street_zh}{what_zh}{k + 1}号",
            district=district,
            grid=f"{plan.code}-grid-{across:03d}{along:03d}",
            asset=group.assets[k],
            upstream="" if group.upstream is None else group.upstream[k],
            camera_url="" if group.cameras is None else group.cameras[k],
            attributes=attributes,
            **group.fields,
        )


def nearest_gateway(east: FloatArray, north: FloatArray, to_east: FloatArray, to_north: FloatArray) -> IntArray:
    """Return of each place the index of the nearest gateway, the first of those equally near, shape of `east`.

    Looked for in the places' own cell and those around it; where none is within a cell's side, among all.
    """
    cell = _cells(east, north)
    to_cell = _cells(to_east, to_north)
    members: dict[tuple[int, int], list[int]] = {}
    for k, key in enumerate(to_cell):
        members.setdefault(key, []).append(k)
    waiting: dict[tuple[int, int], list[int]] = {}
    for k, key in enumerate(cell):
        waiting.setdefault(key, []).append(k)
    found = np.zeros(len(east), np.int64)
    for (across, along), here in waiting.items():
        near = sorted(k for i in (-1, 0, 1) for j in (-1, 0, 1) for k in members.get((across + i, along + j), ()))
        far = _pick(found, here, near, east, north, to_east, to_north)
        _pick(found, far, list(range(len(to_east))), east, north, to_east, to_north)
    return found


def _pick(
    found: IntArray, here: list[int], near: list[int],
    east: FloatArray, north: FloatArray, to_east: FloatArray, to_north: FloatArray,
) -> list[int]:  # fmt: skip
    """Note the nearest of `near` for the places `here`; return the places that have none within a cell's side."""
    if not near or not here:
        return here
    away = distance(east[here][:, None] - to_east[near], north[here][:, None] - to_north[near])
    best = np.argmin(away, axis=1)
    found[here] = np.asarray(near)[best]
    return [here[k] for k in np.flatnonzero(away[np.arange(len(here)), best] > _CELL_M).tolist()]


def _cells(east: FloatArray, north: FloatArray) -> list[tuple[int, int]]:
    sides = [np.floor(part / _CELL_M).astype(np.int64).tolist() for part in (east, north)]
    return list(zip(*sides, strict=True))


def on_nodes(pipes: Pipes, nodes: IntArray) -> dict[str, Any]:
    """Return the fields of a group whose sensors stand on those nodes."""
    return {
        "east": pipes.east[nodes],
        "north": pipes.north[nodes],
        "line": pipes.node_line[nodes],
        "district": pipes.node_district[nodes],
        "place": nodes,
        "assets": [pipes.node_names[k] for k in nodes.tolist()],
    }


def on_links(pipes: Pipes, links: IntArray) -> dict[str, Any]:
    """Return the fields of a group whose sensors stand at the middle of those links, in the district they lead into."""
    east, north = pipes.middles()
    return {
        "east": east[links],
        "north": north[links],
        "line": pipes.link_line[links],
        "district": pipes.node_district[pipes.to_node[links]],
        "place": links,
        "assets": [pipes.link_names[k] for k in links.tolist()],
    }


def camera_urls(plan: CityPlan, thing: str, count: int) -> list[str]:
    """Return the addresses of cameras that are not there, under a name that never resolves (RFC 2606)."""
    return [f"rtsp://cameras.invalid/{plan.code}/{thing}-{number}" for number in range(1, count + 1)]


def dates(days: IntArray) -> list[str]:
    """Return days from 2027-01-01 on as dates, months of 28 days: when the next calibration or visit is due."""
    return [f"{2027 + day // 336}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}" for day in days.tolist()]


def spread(count: int, wanted: int) -> IntArray:
    """Return `wanted` of the numbers from 0 to count - 1, evenly spread; all of them where there are not more."""
    wanted = min(count, wanted)
    return (np.arange(wanted) * count) // wanted if wanted else np.zeros(0, np.int64)


def texts(values: FloatArray | IntArray, form: str = "g") -> list[str]:
    """Return numbers as attributes hold them."""
    return [format(value, form) for value in values.tolist()]
