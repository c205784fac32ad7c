"""Rosters and deadlines: whom a time and place choose, and what a file that cannot stand is told."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import main
from model.escalation import PROPOSED, Deadlines, deadlines_for
from model.handling import Awaited
from model.roster import RosterFile, on_duty_at, parse_rosters, people, stored_rosters
from model.yaml_file import YamlFileError

FILE = """
city: jiayuguan
teams:
  - {team: gas-crew-3, name: Gas crew 3, name_zh: 燃气三班, members: [li.wei, wang.fang]}
rosters:
  - roster: anyone
    shifts: [{who: reserve, from: "08:00", to: "08:00"}]
  - roster: gas-days
    systems: [gas]
    districts: [xiongguan]
    shifts:
      - {who: gas-crew-3, days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00"}
      - {who: night.owl, from: "20:00", to: "08:00"}
    exceptions:
      - {date: 2026-12-25, shifts: [{who: holiday, from: "09:00", to: "12:00"}]}
      - {date: 2026-12-28}
  - roster: grid-12
    grids: [g-12]
    shifts: [{who: grid.worker, from: "00:00", to: "00:00"}]
  - roster: heads
    duty: district_head
    districts: [xiongguan]
    shifts: [{who: head, from: "00:00", to: "00:00"}]
escalation:
  - severities: [red]
    systems: [gas]
    acknowledge_min: 1
    steps: [{to: [gas-crew-3]}, {after_min: 10, to: [supervisor, head]}]
  - severities: [red, orange]
    accept_min: 7.5
    steps: [{after_min: 1, to: [assignee]}]
"""
ZONE = ZoneInfo("Asia/Shanghai")


def on_duty(local: str, district: str = "xiongguan", system: str = "gas", grid: str | None = "") -> list[str]:
    moment = datetime.fromisoformat(local).replace(tzinfo=ZONE)
    found = on_duty_at(parse_rosters("r.yaml", FILE), district, system, moment, grid=grid)
    return [one.who for one in found if one.duty == "crew"]


@pytest.mark.parametrize(
    ("local", "where", "expected"),
    [
        pytest.param("2026-11-23T08:00", {}, ["gas-crew-3", "reserve"], id="a shift's begin belongs to it"),
        pytest.param("2026-11-23T19:59:59", {}, ["gas-crew-3", "reserve"], id="Monday"),
        pytest.param("2026-11-23T20:00", {}, ["night.owl", "reserve"], id="its end does not"),
        pytest.param("2026-11-24T07:59", {}, ["night.owl", "reserve"], id="over midnight"),
        pytest.param("2026-11-22T12:00", {}, ["reserve"], id="Sunday: no such shift"),
        pytest.param("2026-11-23T12:00", {"system": "water"}, ["reserve"], id="another system"),
        pytest.param("2026-11-23T12:00", {"district": "jingtie"}, ["reserve"], id="another district"),
        pytest.param(
            "2026-11-23T12:00", {"grid": "g-12"}, ["grid.worker", "gas-crew-3", "reserve"], id="the grid comes first"
        ),
        pytest.param("2026-11-23T12:00", {"grid": None}, ["gas-crew-3", "reserve", "grid.worker"], id="grid not known"),
        pytest.param("2026-12-25T09:30", {}, ["holiday", "reserve"], id="a dated exception in place of the week's"),
        pytest.param("2026-12-25T13:00", {}, ["reserve"], id="and nobody after it"),
        pytest.param("2026-12-25T07:00", {}, ["night.owl", "reserve"], id="the night before goes on into it"),
        pytest.param("2026-12-28T12:00", {}, ["reserve"], id="an exception without shifts: nobody"),
    ],
)
def test_who_is_on_duty(local: str, where: dict[str, Any], expected: list[str]) -> None:
    assert on_duty(local, **where) == expected


def test_a_team_is_followed_by_its_members_and_duties_are_kept_apart() -> None:
    moment = datetime(2026, 11, 23, 12, tzinfo=ZONE)
    found = on_duty_at(parse_rosters("r.yaml", FILE), "xiongguan", "gas", moment, grid="")
    assert people(found, ["crew"]) == ["gas-crew-3", "li.wei", "wang.fang", "reserve"]
    assert people(found, ["district_head"]) == ["head"]
    assert found[0].fits == ("district xiongguan", "system gas")
    assert found[0].until == datetime(2026, 11, 23, 20, tzinfo=ZONE)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))
def test_a_shift_of_a_whole_day_has_no_hole(moment: datetime) -> None:
    assert "reserve" in on_duty(moment.isoformat())


def test_what_is_kept_is_what_was_written() -> None:
    file = parse_rosters("r.yaml", FILE)
    assert stored_rosters(file.content) == file


@pytest.mark.parametrize(
    ("system", "severity", "expected"),
    [
        pytest.param("gas", 4, {Awaited.ACKNOWLEDGE: 60_000}, id="the first that is for it"),
        pytest.param("water", 4, {Awaited.ACCEPT: 450_000}, id="another system's are passed over"),
        pytest.param("gas", 3, {Awaited.ACCEPT: 450_000}, id="orange"),
        pytest.param("gas", 1, None, id="no deadlines for blue"),
        pytest.param("gas", 0, None, id="nor for an instrument"),
    ],
)
def test_which_deadlines_hold(system: str, severity: int, expected: dict[Awaited, int] | None) -> None:
    escalation = parse_rosters("r.yaml", FILE).escalation
    assert escalation is not None
    found = deadlines_for(escalation, system, severity)
    assert (None if found is None else found.allowed_ms) == expected


def test_the_proposal_grows_tighter_with_the_severity() -> None:
    def allowed(severity: int, awaited: Awaited) -> float:
        found = deadlines_for(PROPOSED, "gas", severity)
        assert found is not None
        return found.allowed_ms.get(awaited, float("inf"))

    for awaited in Awaited:
        limits = [allowed(severity, awaited) for severity in (4, 3, 2, 1)]
        assert limits == sorted(limits), awaited
    assert isinstance(PROPOSED[0], Deadlines)


@pytest.mark.parametrize(
    ("change", "line", "told"),
    [
        (('from: "08:00", to: "08:00"', 'from: 20:00, to: "08:00"'), 7, "in quotes"),
        (("days: [mon, tue", "days: [mo, tue"), 12, "'mo' is not known"),
        (("systems: [gas]\n    districts", "systems: [gaz]\n    districts"), 9, "'gaz' is not known"),
        (("roster: gas-days", "roster: anyone"), 8, "stands twice"),
        (("{date: 2026-12-28}", "{date: 2026-12-25}"), 16, "stands twice"),
        (("team: gas-crew-3", "team: li.wei"), 4, "pattern"),
        (("to: [assignee]", "to: [asignee]"), 31, "neither a duty"),
        (("{after_min: 10,", "{after_min: 0,"), 28, "not after the step before"),
        (("acknowledge_min: 1", "acknowledge_min: 0.1"), 27, "at least 0.5"),
        (("duty: district_head", "telephone: 1"), 21, "unknown field"),
        (("city: jiayuguan", "town: jiayuguan"), 2, "unknown field"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_stand_is_told_where_and_what(change: tuple[str, str], line: int, told: str) -> None:
    text = FILE.replace(*change, 1)
    assert text != FILE
    with pytest.raises(YamlFileError) as refused:
        parse_rosters("r.yaml", text)
    assert any(file == "r.yaml" and at == line and told in what for file, at, what in refused.value.problems), (
        refused.value.problems
    )


def test_the_file_has_no_field_for_telephone_numbers() -> None:
    fields = set(RosterFile.model_json_schema()["$defs"]["Team"]["properties"])
    assert fields == {"team", "name", "name_zh", "members"}


def test_check_tells_of_good_and_bad_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(FILE)
    bad.write_text(FILE.replace("duty: district_head", "duty: head"))
    assert main(["rosters", "check", str(good)]) == 0
    assert "1 teams, 4 rosters, 2 sets of deadlines" in capsys.readouterr().out
    assert main(["rosters", "check", str(good), str(bad)]) == 1
    assert f"{bad}:21: rosters.3.duty: 'head' is not known" in capsys.readouterr().err
