"""Files of evidence: taken of a real log with people's acts in it, verified with nothing but the file."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.cases import CaseLimits
from app.cli import main
from app.evidence import NoEvidence, lines_at, lines_of_alarm, take_evidence
from app.evidence_file import verify_bytes, written
from model.instant import MINUTE_MS, format_instant
from store.pool import Connection
from tests.integration.evidence_world import LIMITS, made
from tests.integration.service import LIFELINE
from tests.integration.test_store import NOON

CASE_LIMITS = CaseLimits(clock_gap_ms_max=LIMITS.clock_gap_ms_max)
READINGS_MAX = LIMITS.passage_readings_max


async def of_alarm(connection: Connection, alarm: str, limits: CaseLimits = CASE_LIMITS) -> bytes:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        question, lines = await lines_of_alarm(connection, alarm)
        return "".join(written(await take_evidence(connection, question, lines, limits, READINGS_MAX))).encode()


async def at(connection: Connection, rule: str, sensor: str, minute: float) -> bytes:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        question, lines = await lines_at(connection, rule, sensor, NOON + round(minute * MINUTE_MS))
        return "".join(written(await take_evidence(connection, question, lines, CASE_LIMITS, READINGS_MAX))).encode()


def parts(content: bytes, name: str) -> list[Any]:
    lines = map(json.loads, content.splitlines())
    return [line["content"] for line in lines if line["part"] == name]


# What of each alarm's journal came out of the engine, and how many acts of people and escalations stand in it.
LONGEST = "depth.well-1.20261122T120330000Z"
ALARMS = {
    "bad.well-2.20261122T120600000Z": (2, 0),
    "calibration.gas-1.20261122T120330000Z": (2, 0),  # withdrawn with its rule
    LONGEST: (2, 3),  # a delay that the clock ended; other rules meanwhile
    "depth.well-1.20261122T121430000Z": (3, 1),  # quiet while the pump stands, then annunciated
    "depth.well-2.20261122T120430000Z": (2, 2),  # shelved, until the shelf ended by the clock
    "gas.gas-1.20261122T120300000Z": (2, 2),
    "gas.gas-1.20261122T120630000Z.r": (2, 0),  # the reading came late
    "gateway.c.gw-1.20261122T120400100Z": (2, 0),  # another city has a gateway of this name
    "silent.gas-1.20261122T121500100Z": (2, 0),
    "silent.post-1.20261122T120500100Z": (4, 1),  # with the gateway's two, for whose sake it was quiet
    "silent.post-2.20261122T120500100Z": (4, 0),
    "wells.well-1.20261122T120430000Z": (2, 1),
}
# Why none fired, or that one had: by rule, sensor and minute, the severity and how many lines come out.
QUESTIONS = {
    ("depth", "well-1", 3.5): (0, 0),  # 10 s before it was known that the delay had passed
    ("depth", "well-1", 3.7): (2, 1),
    ("silent", "post-1", 5.0): (0, 0),
    ("silent", "post-1", 12.0): (0, 0),  # nobody had listened for three minutes: that is no silence
    ("wells", "well-1", 3.7): (0, 0),
    ("gas", "gas-1", 6.6): (0, 0),  # the reading that would have raised it was not there yet
    ("stands", "pump", 14.0): (1, 0),  # raises no alarm of its own
    ("gateway", "c.gw-1", 6.0): (1, 1),
}


def test_evidence_of_all_that_happened_holds(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[dict[str, bytes], dict[Any, bytes]]:
        pool = await made(database_url)
        raised = [row["alarm"] for row in await pool.fetch("select alarm from alarm order by alarm")]
        async with pool.acquire() as connection:
            alarms = {alarm: await of_alarm(connection, alarm) for alarm in raised}
            questions = {asked: await at(connection, *asked) for asked in QUESTIONS}
            assert alarms == {alarm: await of_alarm(connection, alarm) for alarm in raised}, "the same bytes again"
            with pytest.raises(NoEvidence, match="no alarm"):
                await lines_of_alarm(connection, "depth.well-1.never")
            for rule, sensor, minute, why in REFUSED:
                with pytest.raises(NoEvidence, match=why):
                    await at(connection, rule, sensor, minute)
            with pytest.raises(NoEvidence, match="no longer kept"):
                await of_alarm(connection, LONGEST, replace(CASE_LIMITS, readings_max=9))
            short = verify_bytes(await of_alarm(connection, LONGEST, replace(CASE_LIMITS, readings_max=14))).shown
            assert short.begins == format_instant(NOON + MINUTE_MS), "said, where not all that was is in it"
        await pool.close()
        return alarms, questions

    alarms, questions = asyncio.run(scenario())
    shown = {alarm: verify_bytes(content).shown for alarm, content in alarms.items()}
    assert {alarm: (one.lines_made, one.acts) for alarm, one in shown.items()} == ALARMS
    answers = {asked: verify_bytes(content).shown for asked, content in questions.items()}
    assert {asked: (one.severity, one.lines_made) for asked, one in answers.items()} == QUESTIONS
    assert all(one.lines == one.lines_made + one.acts for one in (*shown.values(), *answers.values()))
    assert len(shown[LONGEST].rule_versions) == 2
    assert all(one.begins is one.bindings_since is None for one in shown.values())

    # What an inquiry reads first: who put the rules into force, what was told, and what people did.
    whole = alarms[LONGEST]
    assert [one["activated_by"] for one in parts(whole, "activation")] == ["engineer"] * 3
    assert parts(whole, "head")[0]["time"] == format_instant(NOON + 220_000)
    assert any("yellow" in sentence for sentence in parts(whole, "explanation")[0]["words"]["en"])
    [shelf] = parts(alarms["depth.well-2.20261122T120430000Z"], "suppression")
    assert (shelf["kind"], shelf["actor"], shelf["ends"] - shelf["begins"]) == ("shelved", "ann", MINUTE_MS)

    for number, content in enumerate((whole, alarms["silent.post-1.20261122T120500100Z"])):
        file = tmp_path / f"evidence-{number}.ndjson"
        file.write_bytes(content)
        finished = subprocess.run(
            [LIFELINE, "evidence", "verify", file, "--json"], env={}, cwd=tmp_path, capture_output=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        told = json.loads(finished.stdout)
        assert (told["holds"], told["bytes"]) == (True, len(content))


REFUSED = [
    ("depth", "gas-1", 5.0, "rule 'depth' did not watch 'gas-1'"),
    ("nothing", "gas-1", 5.0, "no rule 'nothing' was in force"),
    ("gas", "gas-1", -60.0, "nothing had arrived yet"),
]


def test_the_command_takes_evidence_and_records_who_took_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm, out, other = "gas.gas-1.20261122T120300000Z", tmp_path / "evidence.ndjson", tmp_path / "other.ndjson"

    async def scenario() -> None:
        await (await made(database_url, through=5)).close()

    def lifeline(*arguments: object, expected: int = 0) -> str:
        if expected == 2:
            with pytest.raises(SystemExit, match="2"):
                main([str(one) for one in arguments])
        else:
            assert main([str(one) for one in arguments]) == expected
        said = capsys.readouterr()
        return said.out + said.err

    asyncio.run(scenario())
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    monkeypatch.setenv("LIFELINE_HOME", str(tmp_path))
    monkeypatch.setenv("LIFELINE_TICK_S", "20")
    said = lifeline("evidence", alarm, "--out", out)
    assert "2 journal lines reproduced, 2 acts of people" in said
    head = said.splitlines()[-1].removeprefix("head ")
    at_two = format_instant(NOON + 2 * MINUTE_MS)
    asked = ("evidence", "--sensor", "gas-1", "--rule", "gas", "--at", at_two, "--out", other)
    assert "no alarm stood" in lifeline(*asked)
    shown = json.loads(lifeline(*asked, "--json"))
    assert (shown["holds"], shown["alarm"], shown["lines"]) == (True, None, 0)

    assert head in lifeline("evidence", "verify", out, "--head", head)
    moved = lifeline("evidence", "verify", other, "--head", head, expected=1)
    assert "another hash than the one that was kept" in moved
    out.write_bytes(out.read_bytes().replace(b'"value":60.0', b'"value":61.0'))
    said = lifeline("evidence", "verify", out, "--json", expected=1)
    assert json.loads(said.splitlines()[0])["holds"] is False

    assert "no alarm 'x'" in lifeline("evidence", "x", "--out", out, expected=1)
    for wrong in ((alarm,), ("verify",), ("--rule", "gas", "--out", out), (alarm, "--at", at_two, "--out", out)):
        lifeline("evidence", *wrong, expected=2)
    listed = lifeline("audit", "list", "--action", "evidence-taken", "--json")
    told = [json.loads(line) for line in listed.splitlines()]
    assert [(one["subject"], one["details"]["file"]) for one in told] == [
        ("gas gas-1", "other.ndjson"), ("gas gas-1", "other.ndjson"), (alarm, "evidence.ndjson"),
    ]  # fmt: skip
