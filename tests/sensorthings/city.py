"""A small town behind SensorThings: what is registered, what was read, and how a test asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from model.instant import to_datetime
from model.reading import Quality
from model.sensor import City, Sensor
from store.sensors import import_sensors
from tests.api.service import CITIES, NOON, SENSORS, Service, running

ROOT = "/api/v1/sensorthings/v1.1"
ASSET = "K'7/8 测%"
"""A number with every mark that an address must write otherwise."""
TOWN = [
    *SENSORS,
    Sensor(sensor="WATER-10", city="jinchang", system="water", property="water_pressure", unit="MPa", interval_s=60,
           longitude=102.20, latitude=38.53, district="jinchuan", asset=ASSET, name="Pump house, inlet"),
    Sensor(sensor="WATER-11", city="jinchang", system="water", property="water_flow", unit="L/s", interval_s=60,
           longitude=102.21, latitude=38.54, district="jinchuan", asset=ASSET, name="Pump house, outlet"),
    Sensor(sensor="42", city="jinchang", system="water", property="water_flow", unit="L/s", interval_s=60,
           longitude=560_000.0 / 10_000, latitude=40.0, district="yongchang", crs="EPSG:4547"),
    Sensor(sensor="DRILL-1", city="drill", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
           longitude=98.0, latitude=39.0, district="here"),
]  # fmt: skip
DRILL = City(city="drill", name="Drill", mode="exercise")
START = to_datetime(NOON)
# Hourly pressures, of which one is uncertain and one bad; every second is heard a minute late.
PRESSURES = [0.30, 0.31, 0.32, 0.33, 6.40, 0.35, 0.36, 0.37, 0.38, 0.39]
QUALITIES = {3: Quality.REPORTED_UNCERTAIN, 4: Quality.OUT_OF_RANGE | Quality.DELAYED}


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def fill(service: Service) -> None:
    """Register the town and store what was read."""
    await import_sensors(service.pool, TOWN, [*CITIES, DRILL])
    keys = {row[0]: row[1] for row in await service.pool.fetch("select sensor, sensor_key from sensor")}
    for number in range(len(PRESSURES)):
        await service.pool.execute(
            "insert into batch (sequence, arrived_at, readings, rejections, duplicates) values ($1, $2, 1, 0, 0)",
            number + 1,
            hour(number) + timedelta(minutes=number % 2),
        )
    rows = [
        (hour(number), value, number + 1, keys["WATER-10"], 0, int(QUALITIES.get(number, Quality.GOOD)))
        for number, value in enumerate(PRESSURES)
    ]
    rows += [(hour(0), float(number), 1, keys[sensor], number, 0) for number, sensor in enumerate(("GAS-1", "DRILL-1"))]
    await service.pool.executemany(
        "insert into reading (time, value, batch, sensor_key, position, quality) values ($1, $2, $3, $4, $5, $6)", rows
    )


def in_town(url: str, scenario: Callable[[Town], Awaitable[None]], **limits: Any) -> None:
    """Run a scenario against the service of the town, as a viewer who sees all of it."""

    async def run() -> None:
        async with running(url, **limits) as service:
            await fill(service)
            await scenario(Town(service, await service.client("viewer")))

    asyncio.run(run())


class Town:
    """Asks the service of the town as a client."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self.client = client
        self.root = service.address + ROOT

    async def answer(self, resource: str, **options: Any) -> httpx.Response:
        """Ask with options by their name without the $."""
        query = "&".join(f"${name}={quote(str(text))}" for name, text in options.items())
        return await self.client.get(f"{ROOT}/{resource}{'?' if query else ''}{query}")

    async def get(self, resource: str, **options: Any) -> Any:
        answer = await self.answer(resource, **options)
        assert answer.status_code == 200, (resource, options, answer.text)
        return answer.json()

    async def ids(self, resource: str, **options: Any) -> list[str]:
        """The ids of a set's first page."""
        return [entity["@iot.id"] for entity in (await self.get(resource, **options))["value"]]

    async def refused(self, resource: str, **options: Any) -> dict[str, Any]:
        """The problem of a request that cannot be answered; each says what to do."""
        answer = await self.answer(resource, **options)
        assert answer.status_code >= 400, (resource, options, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["remedy"], problem
        return problem
