"""A city on the map: sewers in rows that fall to one outfall, a gas main, and a sensor in every manhole."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from alerts.changes import record_steps
from alerts.suppression import Judged
from model.alarm import ConditionChange
from model.network import Link, Network, Node
from model.sensor import City, Sensor
from store.networks import import_networks
from store.sensors import import_sensors, load_registry
from tests.console.opening import Console, now

CITY = City(city="jinchang", name="Jinchang", name_zh="金昌", mode="operational")
WEST, NORTH, STEP = 102.15, 38.53, 0.001  # about 87 m to the east, 111 m to the south
VALVE = "V-1"
DRAWING = "document.querySelector('.map-canvas').drawing.canvas"


def manhole(row: int, column: int) -> str:
    return f"M-{row:02}-{column:02}"


def level(row: int, column: int) -> str:
    """Return the sensor in that manhole."""
    return f"LEVEL-{row:02}-{column:02}"


def place(row: int, column: int) -> tuple[float, float]:
    return round(WEST + column * STEP, 6), round(NORTH - row * STEP, 6)


class MapWorld:
    """`rows` sewers of `columns` manholes each, which flow east and then south along the last column to the outfall.

    HEAD-1 stands in valve chamber V-1 of the gas main, HEAD-2 in the first manhole, HEAD-3 in a house beside the main.
    """

    def __init__(self, console: Console, rows: int = 4, columns: int = 6) -> None:
        self.console = console
        self.sensors = [
            Sensor(sensor=level(row, column), city=CITY.city, system="drainage", property="manhole_level", unit="m",
                   interval_s=300, longitude=place(row, column)[0], latitude=place(row, column)[1],
                   name=f"Manhole {row} {column}", name_zh=f"{row}排{column}号检查井", asset=manhole(row, column))
            for row in range(rows)
            for column in range(columns)
        ]  # fmt: skip
        heads = (("HEAD-1", VALVE, -1.0), ("HEAD-2", manhole(0, 0), 0.0), ("HEAD-3", "house-7", -1.2))
        self.sensors += [
            Sensor(sensor=name, city=CITY.city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
                   longitude=WEST + steps * STEP, latitude=NORTH, asset=asset,
                   name=f"Gas {name}", name_zh=f"燃气探头{name}")
            for name, asset, steps in heads
        ]  # fmt: skip
        nodes = [Node(node=manhole(r, c), kind="manhole", position=place(r, c))
                 for r in range(rows) for c in range(columns)]  # fmt: skip
        nodes.append(Node(node="OUTFALL", kind="outfall", position=place(rows, columns - 1)))
        links = [
            Link(link=f"east-{r}-{c}", from_node=manhole(r, c), to_node=manhole(r, c + 1), kind="sewer", length_m=87.0)
            for r in range(rows)
            for c in range(columns - 1)
        ]
        links += [
            Link(link=f"south-{r}", from_node=manhole(r, columns - 1), kind="sewer", length_m=111.0,
                 to_node=manhole(r + 1, columns - 1) if r + 1 < rows else "OUTFALL")
            for r in range(rows)
        ]  # fmt: skip
        main = [Node(node="STATION", kind="gate-station", position=(WEST - STEP, NORTH + STEP)),
                Node(node=VALVE, kind="valve-chamber", position=(WEST - STEP, NORTH)),
                Node(node="END", kind="junction", position=(WEST - STEP, NORTH - STEP))]  # fmt: skip
        pipes = [Link(link="P-1", from_node="STATION", to_node=VALVE, length_m=111.0),
                 Link(link="P-2", from_node=VALVE, to_node="END", length_m=111.0)]  # fmt: skip
        self.networks = [Network(CITY.city, "drainage", nodes, links), Network(CITY.city, "gas", main, pipes)]
        console.run(self._write())

    async def _write(self) -> None:
        pool = self.console.api.pool
        await pool.execute("delete from sensor where city = $1", CITY.city)
        await import_sensors(pool, self.sensors, [CITY])
        await import_networks(pool, CITY.city, self.networks)
        self.registry = await load_registry(pool)

    def raises(self, sensor: str, severity: int = 4, *, minutes_ago: float = 1.0, **facts: Any) -> str:
        """Raise an alarm and return its id."""
        time = now() - round(minutes_ago * 60_000)
        given: dict[str, Any] = {
            "rule": "level", "kind": "threshold", "alarm_class": "process", "priority": "high", "value": 42.0,
            "limit": 40.0, "cause": "reading", "reason": "limit_reached",
        }  # fmt: skip
        change = ConditionChange(
            sensor=sensor, sensor_key=self.registry.keys[sensor], mode=CITY.mode, rule_version="0123456789ab",
            time=time, raised=time, known_at=time + 200, severity_from=0, severity=severity, **(given | facts),
        )  # fmt: skip
        self.console.run(self._journal(change))
        return change.alarm

    def falls_silent(self, sensor: str) -> str:
        """Raise the instrument alarm of a sensor that is not heard any more, and return its id."""
        facts: dict[str, Any] = {"rule": "sensor-silent", "kind": "stale", "cause": "silence", "reason": "silent"}
        return self.raises(sensor, 1, alarm_class="instrument", priority="low", value=None, limit=None, **facts)

    async def _journal(self, change: ConditionChange) -> None:
        async with self.console.api.pool.acquire() as connection, connection.transaction():
            assert await record_steps(connection, [Judged(change, None)], self.registry) == 0


def wait_until_drawn(page: Page) -> None:
    """Wait until the city has been read, and the map shows it."""
    page.locator("section.map[aria-busy=false] .map-canvas[data-ready]").wait_for()
    page.wait_for_function(f"() => {DRAWING}.areTilesLoaded() && !{DRAWING}.isMoving()")


def drawn(page: Page, *layers: str) -> list[dict[str, Any]]:
    """Return the properties of what the layers show at this moment."""
    found: list[dict[str, Any]] = page.evaluate(
        f"(layers) => {DRAWING}.queryRenderedFeatures({{ layers }}).map((one) => one.properties)", list(layers)
    )
    return found


def wait_for_drawn(page: Page, condition: str, *layers: str) -> None:
    """Wait until a condition (JavaScript) holds of `shown`, the properties of what the layers show."""
    page.wait_for_function(
        f"([layers, condition]) => {{ const shown = {DRAWING}.queryRenderedFeatures({{ layers }})"
        f".map((one) => one.properties); return {condition}; }}",
        arg=[list(layers), condition],
    )
