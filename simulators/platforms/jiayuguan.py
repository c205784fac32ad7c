"""Jiayuguan in small: 60 sensors of gas, water, drainage and displacement around the real city centre."""

import math
from collections.abc import Iterator
from typing import Any

from model.sensor import City, Sensor
from simulators.instruments import GasMain, Instrument, Site
from simulators.physics.drainage import LowPoint, Manhole
from simulators.physics.gas import Chamber
from simulators.physics.ground import GNSS_HORIZONTAL_NOISE_MM, Slope
from simulators.physics.hydraulics import Inflow, Node

LONGITUDE, LATITUDE = 98.29, 39.77
CITY = City(
    city="jiayuguan-demo",
    name="Jiayuguan (simulated)",
    name_zh="嘉峪关(模拟)",
    time_zone="Asia/Shanghai",
    mode="test",
)

# District and street names are real; what stands in them is invented.
_DISTRICTS = (("Xiongguan", "雄关区"), ("Jingtie", "镜铁区"), ("Changcheng", "长城区"))
_STREETS = (
    ("Xinhua Road", "新华路"),
    ("Xiongguan Road", "雄关路"),
    ("Jingtie Road", "镜铁路"),
    ("Shengli Road", "胜利路"),
    ("Lanxin Road", "兰新路"),
    ("Jianshe Road", "建设路"),
    ("Wuyi Road", "五一路"),
    ("Yingbin Road", "迎宾路"),
)
_METRES_PER_DEGREE = 111_320.0


def build() -> tuple[City, list[Instrument]]:
    """Return the city and its instruments: 18 of gas, 15 of water, 15 of drainage, 12 of displacement."""
    return CITY, [*_gas(), *_water(), *_drainage(), *_displacement()]


def _gas() -> Iterator[Instrument]:
    for i in range(14):
        # One head in seven measures in %vol, as bought from another maker.
        in_volume = i % 7 == 6
        unit, resolution, full_scale = ("%{vol}", "0.01", 5.0) if in_volume else ("%{LEL}", "0.1", 100.0)
        site = Chamber(volume_m3=5.0 + i % 4, ventilation_m3_h=16.0 + 2.0 * (i % 5))
        yield _instrument(
            "gas", i, site, 0.2, "combustible_gas", unit, resolution, interval_s=5, place=i,
            asset=f"valve-chamber-{i + 1:02d}", valid_min=0.0, valid_max=full_scale,
            what=("gas head, valve chamber", "燃气阀井可燃气体"),
        )  # fmt: skip
    for i in range(14, 18):
        medium = i % 2 == 0
        main = GasMain(200.0, 6.0) if medium else GasMain(2.5, 0.08)
        resolution = "0.1" if medium else "0.01"
        yield _instrument(
            "gas", i, main, 0.4 if medium else 0.008, "gas_pressure", "kPa", resolution, interval_s=10, place=i + 3,
            asset=f"regulator-{i - 13:02d}", attributes={"set_kpa": f"{main.set_kpa:g}"},
            what=("gas pressure, regulator", "燃气调压站压力"),
        )  # fmt: skip


def _water() -> Iterator[Instrument]:
    for i in range(12):
        # One transmitter in six is registered in kPa.
        in_kpa = i % 6 == 5
        unit, resolution = ("kPa", "1") if in_kpa else ("MPa", "0.001")
        site = Node(static_mpa=0.36 - 0.005 * (i % 5), loss_mpa=0.035 + 0.004 * (i % 4))
        yield _instrument(
            "water", i, site, 0.0008, "water_pressure", unit, resolution, interval_s=10, place=2 * i,
            asset=f"pressure-zone-{i % 3 + 1}", what=("water pressure", "供水压力"),
        )  # fmt: skip
    for i in range(12, 15):
        site_flow = Inflow(mean_l_s=60.0 + 25.0 * (i - 12))
        yield _instrument(
            "water", i, site_flow, 0.6, "water_flow", "L/s", "0.1", interval_s=10, place=3 * (i - 11),
            asset=f"pressure-zone-{i - 11}", what=("zone inflow", "供水分区流量"),
        )  # fmt: skip


def _drainage() -> Iterator[Instrument]:
    for i in range(10):
        underpass = i % 5 == 0
        in_mm = i % 5 == 4
        unit, resolution = ("mm", "1") if in_mm else ("cm", "0.1")
        # Underpasses gather the most; dips in the road less and less, down to one that never stands deep.
        catchment = 34_000.0 if underpass else 26_000.0 - 1_800.0 * i
        drained = 0.09 if underpass else 0.04
        site = LowPoint(catchment, runoff=0.85, drained_m3_s=drained, pond_m2=1_350.0, recession_s=1_800.0)
        what = ("road water depth, underpass", "下穿通道积水") if underpass else ("road water depth", "道路积水")
        yield _instrument(
            "drain", i, site, 0.2, "water_depth", unit, resolution, interval_s=10, place=i + 1,
            asset=f"low-point-{i + 1:02d}", valid_min=0.0, what=what,
        )  # fmt: skip
    for i in range(10, 15):
        diameter = (0.6, 0.8, 0.8, 1.0, 1.2)[i - 10]
        site_manhole = Manhole(
            diameter, ground_m=2.6 + 0.2 * (i - 10), dry_level_m=0.25 * diameter, catchment_m2=14_000.0 + 3_000.0 * i,
            runoff=0.6, storage_m2=260.0, recession_s=1_500.0,
        )  # fmt: skip
        yield _instrument(
            "drain", i, site_manhole, 0.006, "manhole_level", "m", "0.01", interval_s=10, place=i + 2,
            asset=f"manhole-{i - 9:02d}", what=("manhole level", "检查井水位"),
            attributes={"diameter_m": f"{diameter:g}", "depth_m": f"{site_manhole.ground_m:g}"},
        )  # fmt: skip


def _displacement() -> Iterator[Instrument]:
    for i in range(12):
        point, rate = divmod(i, 2)
        site = Slope(creep_mm_d=0.2 + 0.1 * point)
        kind, unit, noise, what = (
            ("displacement_rate", "mm/d", 0.15, ("displacement rate, slope", "边坡位移速率"))
            if rate
            else ("displacement", "mm", GNSS_HORIZONTAL_NOISE_MM, ("displacement by GNSS, slope", "边坡北斗位移"))
        )
        yield _instrument(
            "slope", i, site, noise, kind, unit, "0.1", interval_s=15, place=60 + 3 * point,
            asset=f"slope-point-{point + 1}", what=what,
        )  # fmt: skip


def _instrument(
    prefix: str,
    index: int,
    site: Site,
    noise: float,
    observed: str,
    unit: str,
    resolution: str,
    *,
    interval_s: float,
    place: int,
    asset: str,
    what: tuple[str, str],
    attributes: dict[str, str] | None = None,
    **given: Any,
) -> Instrument:
    system = {"drain": "drainage", "slope": "displacement"}.get(prefix, prefix)
    longitude, latitude = _spiral(place)
    district, district_zh = _DISTRICTS[place % len(_DISTRICTS)]
    street, street_zh = _STREETS[place % len(_STREETS)]
    number = f"{index + 1:04d}"
    sensor = Sensor(
        sensor=f"jyg-{prefix}-{number}",
        city=CITY.city,
        system=system,
        property=observed,
        unit=unit,
        interval_s=interval_s,
        longitude=longitude,
        latitude=latitude,
        name=f"{street} {what[0]} {index + 1}",
        name_zh=f"{street_zh}{what[1]}{index + 1}号",
        district=district,
        asset=asset,
        attributes={"resolution": resolution, "district_zh": district_zh, **(attributes or {})},
        **given,
    )
    return Instrument(sensor, site, noise)


def _spiral(place: int) -> tuple[float, float]:
    """Longitude and latitude of the n-th place of a sunflower spiral: even cover, no two alike, no chance in it."""
    radius = 320.0 * math.sqrt(place + 0.5)
    angle = place * math.pi * (3.0 - math.sqrt(5.0))
    east, north = radius * math.cos(angle), radius * math.sin(angle)
    return (
        round(LONGITUDE + east / (_METRES_PER_DEGREE * math.cos(math.radians(LATITUDE))), 6),
        round(LATITUDE + north / _METRES_PER_DEGREE, 6),
    )
