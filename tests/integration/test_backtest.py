"""Rules tried over the database's history and over files: the difference to what is in force, before activation."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from alerts.rule_file import default_packs, parse_packs
from alerts.rules import Pack
from app.cli import main
from app.commands.trial_output import trial_text
from app.rule_trial import Trial, in_place, try_over_history, try_packs
from model.handling import JudgedAlarm
from model.instant import format_instant, to_datetime
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor
from store.batches import IncomingReadings, write_batch
from store.log_span import SpanTooLarge, find_span, read_span
from store.pool import open_pool
from store.rule_packs import RuleTaken, StoredPack, activate
from store.sensors import import_sensors, load_registry

START = 1_790_000_000_000  # the first batch's clock
MINUTE = 60_000
# The depth (cm) minute after minute: a flood of 13 cm that the limit of 15 cm does not see, one of 30 cm, a dry hour.
DEPTHS = [0.0] * 5 + [13.0] * 30 + [0.0] * 60 + [20.0, 30.0] + [30.0] * 20 + [0.0] * 60
RULES = """\
pack: drainage
description: {{en: a, zh: 一}}
rules:
  - rule: {rule}
    name: {{en: a, zh: 一}}
    select: {{system: drainage, property: water_depth}}
    condition: {{kind: threshold, unit: cm, limits: {{blue: {blue}, yellow: 27}}, off_delay_s: 600}}
    priority: low
    basis: [{{mark: P, source: test}}]
    guidance:
      cause: {{en: a, zh: 一}}
      consequence: {{en: a, zh: 一}}
      response: {{en: a, zh: 一}}
      time_to_respond_s: 60
"""


def pack(blue: float, rule: str = "depth") -> Pack:
    (read,) = parse_packs([("test", RULES.format(blue=blue, rule=rule))])
    return read


def with_history(url: str, work: Callable[[Any], Awaitable[None]]) -> None:
    """Work on a database that holds the depths above, a batch a minute, and a limit of 15 cm in force."""

    async def run() -> None:
        pool = await open_pool(url)
        try:
            await _fill(pool)
            await work(pool)
        finally:
            await pool.close()

    asyncio.run(run())


async def _fill(pool: Any) -> None:
    road = Sensor(sensor="road", city="c", system="drainage", property="water_depth", unit="cm", interval_s=60)
    await import_sensors(pool, [road], [City(city="c", name="C", mode="test")])
    present = pack(15)
    await activate(pool, [StoredPack(present.pack, present.version, present.content)], "test")
    (key,) = (await load_registry(pool)).sensors
    for minute, depth in enumerate(DEPTHS):
        time = START + minute * MINUTE
        await write_batch(
            pool,
            time,
            IncomingReadings(
                np.array([key], np.int32), np.array([time]), np.array([depth]), np.zeros(1, np.uint16)
            ),
        )  # fmt: skip


def minutes(trial: Trial) -> dict[str, list[float]]:
    """The minutes in which what the trial tells of was raised."""
    found = trial.difference
    return {
        "added": [(one.raised - START) / MINUTE for one in found.added],
        "removed": [(one.raised - START) / MINUTE for one in found.removed],
        "moved": [pair.moved_s / 60 for pair in found.moved],
        "unchanged": [float(found.unchanged)],
    }


END = START + len(DEPTHS) * MINUTE

# the limit tried, from and to (minutes), warm-up (minutes): what differs from the limit of 15 cm in force
TRIED = [
    (15, (0, 1_000), 0, {"added": [], "removed": [], "moved": [], "unchanged": [1]}),
    (12, (0, 1_000), 0, {"added": [5], "removed": [], "moved": [], "unchanged": [1]}),
    (25, (0, 1_000), 0, {"added": [], "removed": [], "moved": [1], "unchanged": [0]}),
    (26.9, (0, 90), 0, {"added": [], "removed": [], "moved": [], "unchanged": [0]}),
    # The flood of 13 cm stands already at minute 20: the warm-up knows, and does not tell of it as added there.
    (12, (20, 1_000), 20, {"added": [], "removed": [], "moved": [], "unchanged": [1]}),
    (12, (20, 1_000), 0, {"added": [20], "removed": [], "moved": [], "unchanged": [1]}),
]


def test_rules_tried_over_the_databases_history(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for blue, (start, end), warm_up, expected in TRIED:
            trial = await try_over_history(
                pool, [pack(blue)], START + start * MINUTE, START + end * MINUTE, warm_up_ms=warm_up * MINUTE
            )
            assert minutes(trial) == expected, (blue, start, end, warm_up)
            assert trial.readings == min(end, len(DEPTHS)) - (start - warm_up)
            assert trial.missing == 0

    with_history(database_url, work)


def test_packs_of_other_names_stay_in_force(database_url: str) -> None:
    async def work(pool: Any) -> None:
        other = pack(12, rule="other").model_copy(update={"pack": "mine"})
        trial = await try_over_history(pool, [other], START, END)
        assert {line.rule for line in trial.journal} == {"depth", "other"}
        assert [one.rule for one in trial.difference.added] == ["other", "other"]
        with pytest.raises(RuleTaken, match="stands in pack 'drainage'"):
            await try_over_history(pool, [pack(12).model_copy(update={"pack": "mine"})], START, END)

    with_history(database_url, work)


def test_only_the_sensors_of_the_areas_are_evaluated(database_url: str) -> None:
    async def work(pool: Any) -> None:
        here = await try_over_history(pool, [pack(12)], START, END, areas=("c",))
        elsewhere = await try_over_history(pool, [pack(12)], START, END, areas=("d",))
        assert (here.readings, len(here.difference.added)) == (len(DEPTHS), 1)
        assert (elsewhere.readings, elsewhere.journal, elsewhere.difference.added) == (0, [], [])

    with_history(database_url, work)


async def batches_of(pool: Any, start: float, end: float, readings_max: int = 1_000) -> tuple[list[ReadingBatch], int]:
    """The batches of a span in minutes, and how many readings it had."""
    span = await find_span(pool, round(START + start * MINUTE), round(START + end * MINUTE), readings_max)
    return [batch async for portion in read_span(pool, span) for batch in portion], span.readings


def test_a_span_has_the_batches_of_its_time_and_a_limit(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for first, behind in ((0, 3), (7, 8), (7, 7), (-100, 2), (150, 9_000), (9_000, 9_999)):
            batches, readings = await batches_of(pool, first, behind)
            clocks = [START + minute * MINUTE for minute in range(max(first, 0), min(behind, len(DEPTHS)))]
            assert ([batch.clock for batch in batches], readings) == (clocks, len(clocks))
        with pytest.raises(SpanTooLarge, match="holds 11 readings, more than 10"):
            await batches_of(pool, 0, 11, 10)
        await pool.execute("delete from reading where time < $1", to_datetime(START + 3 * MINUTE))
        batches, readings = await batches_of(pool, 0, 10, 10)
        assert (len(batches), sum(map(len, batches)), readings) == (10, 7, 10)
        trial = await try_over_history(pool, [pack(15)], START, START + 10 * MINUTE)
        assert (trial.readings, trial.missing) == (7, 3)

    with_history(database_url, work)


def test_an_empty_log_has_no_batches(database_url: str) -> None:
    async def work() -> None:
        pool = await open_pool(database_url)
        assert await batches_of(pool, 0, 1_000, 10) == ([], 0)
        trial = await try_over_history(pool, [pack(15)], START, END)
        assert (trial.readings, trial.journal, trial.positions) == (0, [], [])
        await pool.close()

    asyncio.run(work())


def test_the_command_shows_the_difference_and_writes_the_journal_tried(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def nothing(_pool: Any) -> None: ...

    with_history(database_url, nothing)
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    rules, out = tmp_path / "rules.yaml", tmp_path / "journal.ndjson"
    rules.write_text(RULES.format(blue=12, rule="depth"))
    arguments = ["backtest", "--from", format_instant(START), "--to", format_instant(END), "--rules", str(rules)]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["raised"], one["peak_severity"]) for one in told["added"]] == [
        (format_instant(START + 5 * MINUTE), "blue")
    ]
    assert [told["figures"][side]["annunciated"] for side in ("before", "after")] == [2, 3]
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["time"] for line in lines if line["sequence"] == 1] == [
        format_instant(START + minute * MINUTE) for minute in (5, 95)
    ]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "added 2026-09-21T14:18:20.000Z depth road blue" in text
    assert "1 alarms unchanged" in text


def test_the_text_tells_of_missed_alarms_first_and_of_the_load() -> None:
    road = Sensor(sensor="road", city="c", system="drainage", property="water_depth", unit="cm", interval_s=60)
    registry = Registry(1, {0: road}, {"c": City(city="c", mode="test")})
    times = [np.array([START + minute * MINUTE]) for minute in range(len(DEPTHS))]
    batches = [
        ReadingBatch(number, int(time[0]), np.zeros(1, np.int32), time, np.array([depth]), np.zeros(1, np.uint16), time)
        for number, (time, depth) in enumerate(zip(times, DEPTHS, strict=True), 1)
    ]
    alarms = [
        JudgedAlarm(
            alarm=f"depth.road.{minute}", rule="depth", sensor="road", raised=START + minute * MINUTE, ended=None,
            peak_severity="blue", verdict=verdict,
        )
        for minute, verdict in ((5, "true"), (6, "true"), (7, "false"))
    ]  # fmt: skip
    ended = [structs.replace(alarm, ended=START + 40 * MINUTE) for alarm in alarms]
    trial = try_packs(
        batches, registry, [pack(12)], [pack(15)], START, END, readings=len(DEPTHS), judged=[*ended, *alarms[:1]]
    )
    text = list(trial_text(trial))
    assert text[2:5] == [
        "of 3 alarms judged true 2 would be missed,",
        "  of these 0 by the rules in force as well",
        "  MISSED 2026-09-21T14:18:20.000Z depth road blue",
    ]
    assert "1 judged true would come later or with a lower severity" in text
    assert "  weaker 2026-09-21T14:18:20.000Z depth road blue: 5400 s later yellow" in text
    assert "of 1 alarms judged false 1 would be gone" in text
    (load,) = [line.split() for line in text if line.startswith("  c.default")]
    assert load == ["c.default", "3", "→", "2", "0.169", "→", "0.113", "2", "→", "2", "0.0%", "→", "0.0%"]


def write_files(folder: Path) -> list[str]:
    sensors, readings = folder / "sensors.csv", folder / "readings.csv"
    sensors.write_text(
        "sensor,city,system,property,unit,longitude,latitude,name,interval_s\nroad,c,drainage,water_depth,cm,,,,60\n"
    )
    rows = (f"{format_instant(START + n * MINUTE)},road,{depth}\n" for n, depth in enumerate(DEPTHS))
    readings.write_text("time,sensor,value\n" + "".join(rows))
    for blue in (12, 15):
        (folder / f"{blue}.yaml").write_text(RULES.format(blue=blue, rule="depth"))
    return ["backtest", "--readings", str(readings), "--sensors", str(sensors)]


def test_files_show_the_same_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*write_files(tmp_path), "--rules", str(tmp_path / "12.yaml"), "--json"]
    assert main([*arguments, "--against", str(tmp_path / "15.yaml")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["raised"] for one in told["added"]] == [format_instant(START + 5 * MINUTE)]
    assert (told["counts"]["unchanged"], told["readings"]) == (1, len(DEPTHS))
    assert main([*arguments, "--against", "default"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "road-water-depth" in {one["rule"] for one in told["removed"]}
    assert {one["rule"] for one in told["added"]} == {"depth"}


def test_the_journal_tried_is_that_of_a_plain_back_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*write_files(tmp_path), "--rules", str(tmp_path / "12.yaml")]
    out = tmp_path / "journal.ndjson"
    assert main(arguments) == 0
    plain = capsys.readouterr().out
    assert main([*arguments, "--against", str(tmp_path / "15.yaml"), "--out", str(out)]) == 0
    assert out.read_text() == plain
    assert plain


REFUSED = [
    ([], "--readings and --sensors, or --from and --to"),
    (["--readings", "r.csv"], "belong together"),
    (["--from", "2026-01-01T00:00:00Z"], "belong together"),
    (["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "--to is the later one"),
    (["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z", "--readings", "r.csv"], "give --readings"),
    (["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z", "--against", "default"], "is for files"),
    (["--readings", "r.csv", "--sensors", "s.csv", "--json"], "--json shows the difference"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_what_does_not_fit_together_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["backtest", *arguments])
    assert refused.value.code == 2
    assert words in capsys.readouterr().err


def test_default_packs_take_their_own_places() -> None:
    packs = default_packs()
    assert in_place(packs, packs[:1]) == [*packs[1:], packs[0]]
    assert in_place([], packs) == packs
