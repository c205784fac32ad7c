"""The commands on positions, the monthly report and advice from judgements, over a database with a journal."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from alerts.lifecycle import note
from app.cli import main
from model.instant import format_instant, to_datetime
from model.sensor import City
from store.journal import Place, Transition, append_transitions, lock_journal
from store.pool import open_pool
from store.sensors import import_cities
from tests.integration.test_floods import NOON, raised, record

GAS = Place("jyg", "gas", "north")
POSITIONS = "positions:\n  - {position: gas, city: jyg, name: Gas desk, name_zh: 燃气席, systems: [gas]}\n"
MONTH = f"{to_datetime(NOON):%Y-%m}"


class Commands:
    """The command line in this process, over a database with a journal."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.capsys = capsys

    def run(self, *arguments: str, expected: int = 0) -> tuple[str, str]:
        """Run a command; return what it wrote to stdout and stderr."""
        self.capsys.readouterr()
        code = main(arguments)
        out, err = self.capsys.readouterr()
        assert code == expected, err + out
        return out, err


@pytest.fixture
def commands(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    async def prepare() -> None:
        pool = await open_pool(database_url, connections_max=1)
        async with pool.acquire() as connection:
            await import_cities(connection, [City(city="jyg", mode="operational"), City(city="ex", mode="exercise")])
            await record(connection, _storm(GAS))
            await record(connection, _storm(Place("ex", "gas", "north"), prefix="e", mode="exercise"))
        await pool.close()

    asyncio.run(prepare())
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    monkeypatch.setattr("app.commands.report.clock", lambda: NOON + 3_600_000)
    return Commands(tmp_path, capsys)


def _storm(place: Place, prefix: str = "s", mode: str = "operational") -> list[Transition]:
    return [raised(f"{prefix}{n}", n, 1 + n % 4, place, mode=mode) for n in range(12)]


def test_positions_from_a_file(commands: Commands) -> None:
    file = commands.home / "positions.yaml"
    file.write_text(POSITIONS, "utf-8")
    dry = commands.run("positions", "import", str(file), "--dry-run")[0].splitlines()
    assert dry == ["new\tposition gas", "1 new, 0 changed, 0 unchanged", "dry run: nothing was written"]
    assert commands.run("positions", "import", str(file))[0] == "1 new, 0 changed, 0 unchanged\n"
    assert commands.run("positions", "import", str(file))[0] == "0 new, 0 changed, 1 unchanged\n"
    listed = commands.run("positions", "list")[0].splitlines()
    assert [line.split("\t")[0] for line in listed] == ["ex.default", "gas", "jyg.default"]
    assert commands.run("positions", "remove", "gas")[0] == "gas taken away\n"
    assert commands.run("positions", "remove", "gas", expected=1)[1].count("\n") == 1
    file.write_text(POSITIONS.replace("jyg", "atlantis"), "utf-8")
    assert "city 'atlantis' is not registered" in commands.run("positions", "import", str(file), expected=1)[1]


def test_the_months_report_stands_alone_and_leaves_exercises_out(commands: Commands) -> None:
    page, table = commands.home / "report.html", commands.home / "report.csv"
    commands.run("report", "--month", MONTH, "--language", "zh", "--out", str(page))
    text = page.read_text("utf-8")
    assert "<style>" in text
    assert "href=" not in text
    assert "src=" not in text
    assert "<script" not in text
    assert "报警系统报告" in text
    assert "jyg.default" in text
    assert "ex.default" not in text
    commands.run("report", "--month", MONTH, "--city", "ex", "--out", str(table))
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    assert {(row["position"], row["mode"]) for row in rows} == {("ex.default", "exercise")}
    assert [row["value"] for row in rows if row["item"] == "per_10_minutes_peak"] == ["12"]
    assert [row["value"] for row in rows if row["section"] == "flood"] == ["12"]


# arguments of `lifeline report`: what is told
REFUSED = [
    (["--month", "2099-01", "--out", "x.html"], "has not begun"),
    (["--month", MONTH, "--out", "x.pdf"], "use .html or .csv"),
    (["--month", MONTH, "--city", "atlantis", "--out", "x.csv"], "is not registered"),
]


def test_a_report_that_cannot_be_made_is_refused_in_one_sentence(commands: Commands) -> None:
    for arguments, told in REFUSED:
        _, error = commands.run("report", *arguments, expected=1)
        assert error.count("\n") == 1
        assert told in error


def test_rules_that_people_often_find_false_are_advised_on(commands: Commands, database_url: str) -> None:
    _judge(database_url, ["false"] * 6 + ["true"] * 2)
    span = ["--from", format_instant(NOON - 3_600_000), "--to", format_instant(NOON + 3_600_000)]
    told = commands.run("rules", "advise", *span)[0].splitlines()
    assert told[0] == "level: 6 of 8 judged alarms were false (75%)"
    (advice,) = json.loads(commands.run("rules", "advise", *span, "--json")[0])
    assert (advice["rule"], advice["false"], advice["judged"]) == ("level", 6, 8)
    _, error = commands.run("rules", "advise", "--from", span[1], expected=1)
    assert error == "lifeline rules: give --readings with --sensors, or --from with --to\n"


def _judge(url: str, verdicts: Sequence[str]) -> None:
    async def run() -> None:
        pool = await open_pool(url, connections_max=1)
        async with pool.acquire() as connection, connection.transaction():
            await lock_journal(connection)
            for one, verdict in zip(_storm(GAS), verdicts, strict=False):
                done = note(
                    one.alarm, actor="li", action="judge", time=NOON + 60_000, reason="judged",
                    details={"judgement": verdict},
                )  # fmt: skip
                await append_transitions(connection, [Transition(*done, GAS)])
        await pool.close()

    asyncio.run(run())
