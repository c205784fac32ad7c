"""What a timeline says of a sensor's readings: which it names, which came late, and against which levels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import Rule
from app.timeline.charts import COLUMNS, chart
from app.timeline.entries import line_entry, message_entry
from app.timeline.readings import (
    Course,
    Ladder,
    One,
    Silence,
    Stretch,
    ladder_of,
    late_by_ms,
    observations,
    reading_entries,
)
from app.timeline.scene import Scene
from model.alarm import JournalLine, State
from model.instant import MINUTE_MS, format_instant, parse_instant
from model.reading import Quality
from model.sensor import Sensor
from store.timeline import Arrivals, MessageRow

NOON = parse_instant("2026-11-22T12:00:00.000Z")
GAUGE = Sensor(
    sensor="L-1", city="c", system="drainage", property="water_depth", unit="cm", interval_s=60, name="Underpass",
    name_zh="下穿通道",
)  # fmt: skip
LADDER = Ladder(True, ((1, 10.0), (2, 20.0), (4, 40.0)))
SCENE = Scene(ZoneInfo("Asia/Shanghai"), {"L-1": GAUGE}, ())
BAD, DOUBTFUL, DELAYED = int(Quality.OUT_OF_RANGE), int(Quality.STUCK), int(Quality.DELAYED)
Row = tuple[float, float] | tuple[float, float, int] | tuple[float, float, int, float]
"""Minutes from noon, cm, and where they differ from 0 and the minute: quality, minutes of arrival from noon."""


def course(*rows: Row, ladder: Ladder | None = LADDER, raised: float = 0, through: float | None = None) -> Course:
    filled = [(row[0], row[1], row[2] if len(row) > 2 else 0, row[3] if len(row) > 3 else row[0]) for row in rows]
    time, value, quality, arrived = (np.array(column) for column in zip(*filled, strict=True))
    end = int(arrived.max()) if through is None else through
    arrivals = Arrivals(
        NOON + (time * MINUTE_MS).astype(np.int64), NOON + (arrived * MINUTE_MS).astype(np.int64),
        value.astype(np.float64), quality.astype(np.uint16),
    )  # fmt: skip
    moments = (NOON + round(raised * MINUTE_MS), NOON + round(end * MINUTE_MS))
    return Course(GAUGE, "cm", arrivals, ladder, *moments)


def told(found: Course) -> list[str]:
    """What is said in English, in the order in which it became known."""
    entries = sorted(reading_entries(found, SCENE), key=lambda entry: entry.place)
    return [entry.words["en"] for entry in entries]


NAMED: list[tuple[str, Course, list[str]]] = [
    (
        "levels reached and left, the highest, and the rest together",
        course((-3, 1), (-2, 2), (-1, 3), (0, 21), (1, 45), (2, 44), (3, 30), (4, 5), (5, 4), (6, 4)),
        [
            "1 cm; the first looked at", "2 cm", "3 cm; the last before the alarm",
            "21 cm; reaches Level III (yellow), limit 20 cm",
            "45 cm; reaches Level I (red), limit 40 cm; the highest", "44 cm", "30 cm; falls to Level III (yellow)",
            "5 cm; back within all limits", "2 readings between 20:05:00 and 20:06:00: lowest 4 cm, highest 4 cm",
        ],
    ),
    (
        "a level is left inside limit and deadband, as the engine leaves it",
        course((0, 9), (1, 10), (2, 9), (3, 10), (4, 8), (5, 9), ladder=LADDER._replace(deadband=1.5)),
        [
            "9 cm; the first looked at", "10 cm; reaches Level IV (blue), limit 10 cm; the highest",
            "2 readings between 20:02:00 and 20:03:00: lowest 9 cm, highest 10 cm", "8 cm; back within all limits",
            "9 cm",
        ],
    ),
    (
        "bad ones reach no level, and are told apart",
        course((0, 1), (1, 99, BAD), (2, 98, BAD), (3, 97, BAD), (4, 1), (5, 12, DOUBTFUL), (6, 12)),
        [
            "1 cm; the first looked at", "99 cm; not usable: beyond the valid range",
            "2 readings that are not usable between 20:02:00 and 20:03:00", "1 cm; usable again",
            "12 cm; doubtful: does not move; reaches Level IV (blue), limit 10 cm; the highest", "12 cm; usable again",
        ],
    ),
    (
        "late ones stand where they became known, and break no passage of the others",
        course((0, 1), (2, 2, 0, 2), (1, 50, 0, 3), (3, 3, 0, 3), (1.5, 51, 0, 4), (1.6, 52, 0, 4), (4, 4, 0, 4)),
        [
            "1 cm; the first looked at", "50 cm; reaches Level I (red), limit 40 cm", "51 cm", "52 cm; the highest",
            "3 readings between 20:02:00 and 20:04:00: lowest 2 cm, highest 4 cm",
        ],
    ),
    (
        "a silence that ended and one that stands",
        course((0, 1), (1, 1), (10, 1), through=20),
        [
            "1 cm; the first looked at", "1 cm", "nothing heard since 20:01:00; heard again at 20:10:00", "1 cm",
            "nothing heard since 20:10:00; still silent",
        ],
    ),
    (
        "without limits the furthest from where it began",
        course((0, 5), (1, 6), (2, -4), (3, 5), ladder=None),
        ["5 cm; the first looked at", "6 cm; the highest", "2 readings between 20:02:00 and 20:03:00: lowest -4 cm,"
         " highest 5 cm"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED])
def test_readings_that_explain_are_named_and_the_rest_told_together(found: Course, expected: list[str]) -> None:
    assert told(found) == expected


# minutes of a reading's time and arrival, quality; and whether it came late
LATE = [
    ([(0, 0), (1, 1), (2, 2)], [0, 0, 0]),
    ([(1, 5), (0, 5), (2, 6)], [0, 0, 0]),  # within one arrival they are sorted
    ([(1, 5), (0, 6), (0.5, 6), (2, 6)], [0, 360_000, 330_000, 0]),
    ([(0, 120)], [0]),
]


@pytest.mark.parametrize(("rows", "expected"), LATE)
def test_late_is_what_came_after_a_newer_one(rows: list[tuple[float, float]], expected: list[int]) -> None:
    found = course(*((time, 1.0, 0, arrived) for time, arrived in rows))
    assert late_by_ms(found.arrivals).tolist() == expected


def test_a_reading_in_order_that_the_checks_marked_as_delayed_is_late() -> None:
    assert late_by_ms(course((0, 1, DELAYED, 120)).arrivals).tolist() == [120 * MINUTE_MS]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 40), st.floats(-5, 60), st.sampled_from([0, 0, 0, BAD, DOUBTFUL, DELAYED]), st.integers(0, 5)
    ),
    min_size=1, max_size=60, unique_by=lambda row: row[0],
)  # fmt: skip


@given(ROWS)
def test_every_reading_is_told_once(rows: Sequence[tuple[int, float, int, int]]) -> None:
    arriving = sorted((time, value, quality, time + late) for time, value, quality, late in rows)
    found = course(*sorted(arriving, key=lambda row: row[3]))
    rows_told: list[int] = []
    for one in observations(found):
        if not isinstance(one, Silence):
            rows_told += [one.row] if isinstance(one, One) else one.rows
    assert sorted(rows_told) == list(range(len(rows)))


@given(ROWS)
def test_what_is_told_together_is_alike_and_reaches_no_new_level(rows: Sequence[tuple[int, float, int, int]]) -> None:
    found = course(*sorted(((t, v, q, t + late) for t, v, q, late in rows), key=lambda row: row[3]))
    late = late_by_ms(found.arrivals) > 0
    bad = (found.arrivals.quality & BAD) != 0
    for one in observations(found):
        if isinstance(one, Stretch):
            members = list(one.rows)
            assert len(set(late[members])) == len(set(bad[members])) == 1
            if not bad[members[0]]:
                assert len({LADDER.severity(value) for value in found.arrivals.value[members].tolist()}) == 1


RULE = Rule.model_validate_json(
    """{"rule": "depth", "name": {"en": "Water on the road", "zh": "道路积水"}, "select": {"property": "water_depth"},
    "condition": {"kind": "threshold", "direction": "above", "unit": "m", "limits": {"blue": 0.1, "red": 0.4},
                  "deadband": 0.02},
    "overrides": [{"select": {"sensor": "L-1"}, "limits": {"blue": 0.15, "red": 0.3},
                   "basis": [{"mark": "P", "source": "s"}]}],
    "priority": "high", "basis": [{"mark": "P", "source": "s"}],
    "guidance": {"cause": {"en": "c", "zh": "c"}, "consequence": {"en": "c", "zh": "c"},
                 "response": {"en": "r", "zh": "r"}, "time_to_respond_s": 60}}"""
)
RULED = Scene(SCENE.zone, SCENE.sensors, (RULE,))


def line(sequence: int = 1, **facts: object) -> JournalLine:
    given: dict[str, object] = {
        "alarm": "depth.L-1.x", "rule": "depth", "kind": "threshold", "sensor": "L-1", "time": format_instant(NOON),
        "from_": State.NORMAL, "to": State.UNACKNOWLEDGED, "severity": "blue", "severity_from": None,
        "peak_severity": "blue", "class_": "process", "priority": "high", "condition": "active", "value": 16.0,
        "limit": 15.0, "reason": "limit_reached", "known_at": format_instant(NOON), "rule_version": RULE.version,
        "mode": "test", "retroactive": False,
    } | facts  # fmt: skip
    return JournalLine(sequence=sequence, **given)  # type: ignore[arg-type]


def test_the_levels_are_those_of_the_rule_at_its_version_as_they_hold_at_the_sensor() -> None:
    assert ladder_of(GAUGE, [line()], RULED) == Ladder(True, ((1, 15.0), (4, 30.0)), 2.0)


def test_of_a_version_that_is_not_kept_the_levels_are_those_that_the_journal_tells() -> None:
    lines = [
        line(rule_version="0"), line(2, rule_version="0", severity="red", severity_from="blue", limit=29.0, value=31.0),
        line(3, rule_version="0", severity="blue", severity_from="red", limit=29.0, value=20.0),
    ]  # fmt: skip
    assert ladder_of(GAUGE, lines, RULED) == Ladder(True, ((1, 15.0), (4, 29.0)))
    below = line(rule_version="0", limit=15.0, value=12.0)
    assert ladder_of(GAUGE, [below], RULED) == Ladder(False, ((1, 15.0),))
    assert ladder_of(GAUGE, [line(kind="rate")], RULED) is None


# what differs in a line: in English and in Chinese
LINES: list[tuple[JournalLine, str, str]] = [
    (line(), "Water on the road: raised, Level IV (blue); limit reached; 16 cm, limit 15 cm; unacknowledged",
     "道路积水：发生，四级（蓝）；达到限值；16 cm，限值 15 cm；未确认"),
    (line(2, from_=State.UNACKNOWLEDGED, severity="red", severity_from="blue", value=31.0, limit=30.0),
     "Water on the road: rose, Level I (red); limit reached; 31 cm, limit 30 cm",
     "道路积水：等级上升，一级（红）；达到限值；31 cm，限值 30 cm"),
    (line(rule="gone", retroactive=True),
     "gone: raised, Level IV (blue); limit reached; 16 cm, limit 15 cm; found afterwards, from readings that came late;"
     " unacknowledged", "gone：发生，四级（蓝）；达到限值；16 cm，限值 15 cm；事后认定，由迟到读数得出；未确认"),
    (line(class_="instrument", kind="stale", severity=None, peak_severity=None, value=185.0, limit=180.0,
          reason="silent"), "Water on the road: raised; silent; 3 min 5 s, limit 3 min; unacknowledged",
     "道路积水：发生；失联；3分5秒，限值 3分；未确认"),
    (line(3, from_=State.ACKNOWLEDGED, to=State.ACKNOWLEDGED, severity_from="blue", actor="wang", action="resolve",
          reason="resolved", comment="pumped out",
          details={"step": "resolved", "cause_code": "water_leak", "assigned_to": "wang"}),
     "Water on the road: resolved; to wang; cause: Leak from a pipe, joint or valve; “pumped out”",
     "道路积水：处置完成；派给 wang；原因：管道、接口或阀门漏水；“pumped out”"),
    (line(4, from_=State.ACKNOWLEDGED, to=State.ACKNOWLEDGED, severity_from="blue", actor="li", action="verify",
          reason="verified",
          details={"step": "verified", "method": "measurement", "passed": True, "value": 2.5, "unit": "cm"}),
     "Water on the road: verified; by measurement; it is solved; measured 2.5 cm",
     "道路积水：核验；方式：现场测量；已解决；测量值 2.5 cm"),
    (line(5, to=State.SHELVED, from_=State.UNACKNOWLEDGED, severity_from="blue", actor="li", action="shelve",
          reason="shelved", until=format_instant(NOON + 3_600_000), comment="pump test"),
     "Water on the road: shelved; until 21:00:00; “pump test”", "道路积水：搁置；至 21:00:00；“pump test”"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "en", "zh"), LINES)
def test_a_line_of_the_journal_in_words(found: JournalLine, en: str, zh: str) -> None:
    entry = line_entry(found, 1, RULED)
    assert dict(entry.words) == {"en": en, "zh": zh}
    assert entry.what == ("transition" if found.actor is msgspec.UNSET else "action")
    assert entry.facts["sequence"] == found.sequence


def test_what_was_done_earlier_than_it_was_told_has_both_times() -> None:
    told_later = line(
        2, actor="wang", action="arrive", reason="arrived", details={"acted_at": format_instant(NOON - 600_000)}
    )
    entry = line_entry(told_later, 1, RULED)
    assert (entry.known_at, entry.time) == (NOON, NOON - 600_000)


# state, kind, step: what is said
MESSAGES = [
    ("sent", "raised", None, "raised: through channel desk, sent"),
    ("pending", "risen", None, "severity rose: through channel desk, not sent yet"),
    ("dead", "returned", None, "returned to normal: through channel desk, given up after 3 attempts"),
    ("folded", "raised", None, "raised: through channel desk, only counted: the channel had been told"),
    ("sent", "escalated", "not_acknowledged_2",
     "escalation, not acknowledged in time (2): through channel desk, sent"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "kind", "step", "expected"), MESSAGES)
def test_a_message_is_known_when_it_went_out(state: str, kind: str, step: str | None, expected: str) -> None:
    written, finished = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 22, 12, 1, tzinfo=UTC)
    row = MessageRow(1, "desk", kind, "a", "test", 4, False, written, state, None, 3, step)
    entry = message_entry(row._replace(finished_at=finished if state in ("sent", "dead") else None), "L-1")
    assert entry.words["en"] == expected
    assert entry.known_at - NOON == (MINUTE_MS if state in ("sent", "dead") else 0)


def test_a_picture_of_very_many_readings_keeps_the_lowest_and_the_highest_and_is_small() -> None:
    rows: list[Row] = [(minute, 5.0) for minute in range(5_000)]
    rows[2_345] = (2_345, 39.0)
    found = course(*rows, ladder=None)
    picture = chart(found, [], SCENE, "en")
    assert picture.count(",") < 4 * COLUMNS
    heights = {point.partition(",")[2] for point in picture.partition('points="')[2].partition('"')[0].split()}
    assert len(heights) == 2
