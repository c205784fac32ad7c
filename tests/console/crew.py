"""A crew and its work for tests of the phone view: people by name, an alarm that is assigned, the hours before it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Page

from model.roster import parse_rosters
from store.keys import create_key
from store.rosters import put_rosters_in_force
from tests.console.opening import PHONE, Console, Opener, now

ROSTERS = """
city: jiayuguan
teams:
  - {team: gas-crew-3, members: [li, wang]}
rosters:
  - {roster: gas-west, systems: [gas], shifts: [{who: gas-crew-3, from: "00:00", to: "23:59"}]}
"""
HOUR = 3_600_000
AT_GAS_1 = {"longitude": 98.2888812, "latitude": 39.7704567}
_keys = itertools.count()


@dataclass
class Crew:
    """The people of the city jiayuguan (a test city), their keys, and what they do behind the page's back."""

    console: Console
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """Return the key of li, wang (field crew), desk (operator) or chief (supervisor)."""
        if name not in self.keys:
            role = {"desk": "operator", "chief": "supervisor"}.get(name, "field")
            made = create_key(self.console.api.pool, role=role, areas=("jiayuguan",), label=name)
            self.keys[name] = self.console.run(made)
        return self.keys[name]

    def act(self, name: str, alarm: str, action: str, seen: int = 1, **body: Any) -> dict[str, Any]:
        """Do something to an alarm by the API and return the line."""
        answer = self._client(name).post(
            f"/api/v1/alarms/{alarm}/{action}",
            json={"seen_sequence": seen, **body},
            headers={"Idempotency-Key": f"crew-{next(_keys)}"},
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def journal(self, alarm: str) -> list[dict[str, Any]]:
        """Return the alarm's journal."""
        found: list[dict[str, Any]] = self._client("desk").get(f"/api/v1/alarms/{alarm}/journal").json()
        return found

    def _client(self, name: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.console.address, headers={"Authorization": f"Bearer {self.key(name)}"}, timeout=20
        )

    def done(self, alarm: str) -> list[tuple[str, str]]:
        """Return what people did to the alarm, in order: (actor, action)."""
        return [(line["actor"], line["action"]) for line in self.journal(alarm) if line.get("actor")]

    def task(self, to: str = "li", sensor: str = "GAS-1", severity: int = 3) -> str:
        """Raise an alarm, assign it and return its id."""
        self.key(to)
        alarm = self.console.raises(sensor, severity, minutes_ago=12)
        self.act("desk", alarm, "assign", to=to)
        return alarm

    def opens(self, open_console: Opener, path: str = "/field", name: str = "li", **options: Any) -> Page:
        """Open the phone view as the person."""
        options.setdefault("viewport", PHONE)
        return open_console(path, key=self.key(name), **options)


def stored(page: Page, table: str) -> list[Any]:
    """Return what the device keeps for the phone view: `kept` (answers) or `acts`."""
    found: list[Any] = page.evaluate(
        """async (table) => {
          const opened = await new Promise((done) => {
            const asked = indexedDB.open("lifeline-field");
            asked.onsuccess = () => done(asked.result);
          });
          const found = await new Promise((done) => {
            const asked = opened.transaction(table).objectStore(table).getAll();
            asked.onsuccess = () => done(asked.result);
          });
          opened.close();
          return found;
        }""",
        table,
    )
    return found


def crew_of(console: Console, *, rosters: bool = False) -> Crew:
    """Return the crew, and let the sensors have been heard in the last hours, GAS-1 with a gap."""
    minutes = [minute for minute in range(0, 360, 5) if not 100 <= minute < 160]
    console.store("GAS-1", *((now() - 60_000 * minute, 22.5 + minute % 7, 0) for minute in minutes))
    console.store("GAS-2", (now() - 4 * 60_000, 3.25, 0))
    if rosters:
        console.run(_put_rosters(console))
    return Crew(console)


async def _put_rosters(console: Console) -> None:
    async with console.api.pool.acquire() as connection:
        await put_rosters_in_force(connection, parse_rosters("rosters.yaml", ROSTERS), "test")
