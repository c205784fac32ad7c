"""CAP 1.2: every message that we write stands against the OASIS schema, whatever is in its texts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rule_file import default_packs
from alerts.rules import Rule
from app.warnings.subject import AreaAsked, Asked, Shape, Subject, Texts
from app.warnings.text import compose, timed
from model.alarm import Alarm, State
from model.cap import (
    Area,
    Info,
    Message,
    NoCapMessage,
    Reference,
    shortened,
    writable,
    write_message,
    written_time,
)
from model.cap_terms import BY_PROPERTY, BY_SYSTEM, certainty_of, urgency_of
from model.instant import parse_instant
from model.sensor import City, Sensor
from model.severity import Severity
from model.vocabulary import PROPERTIES, SYSTEMS
from model.warning_level import FOUR_LEVELS, CityWarnings, WarningLevel, named_levels
from tests.cap_documents import CAP, pairs_of, read_cap, schema_errors, text_of, texts_of

SENT = parse_instant("2026-11-22T08:00:00.400Z")
HOUR = 3_600_000
INFO = Info(
    language="en-US", categories=("Infra",), event="Gas", urgency="Immediate", severity="Extreme", certainty="Observed"
)  # fmt: skip
EARLIER = Reference("lifeline@example.org", "city-20261122-1-1", SENT - HOUR)
RULES = {rule.rule: rule for pack in default_packs() for rule in pack.rules}
GAS = Sensor(sensor="GAS-1", city="jyg", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
             name="Valve chamber 7", name_zh="七号阀室", longitude=98.289, latitude=39.7731)  # fmt: skip
CITY = City(city="jyg", name="Jiayuguan", name_zh="嘉峪关")


def message(**given: Any) -> Message:
    facts: dict[str, Any] = {
        "identifier": "city-20261122-1-2", "sender": "lifeline@example.org", "sent": SENT, "status": "Actual",
        "time_zone": "Asia/Shanghai", "message_type": "Alert", "scope": "Public", "infos": (INFO,),
    }  # fmt: skip
    return Message(**(facts | given))


def alarm(**given: Any) -> Alarm:
    facts: dict[str, Any] = {
        "alarm": "combustible-gas.GAS-1.20261122T080000000Z", "rule": "combustible-gas", "kind": "threshold",
        "rule_version": "0123456789ab", "alarm_class": "process", "priority": "highest", "sensor": "GAS-1",
        "mode": "operational", "state": State.UNACKNOWLEDGED, "severity": 4, "peak_severity": 4, "condition": "active",
        "value": 62.5, "limit": 50.0, "raised": SENT, "changed": SENT, "sequence": 1,
    }  # fmt: skip
    return Alarm(**(facts | given))


def subject(**given: Any) -> Subject:
    facts: dict[str, Any] = {
        "alarm": alarm(), "city": CITY, "system": "gas", "district": "xiongguan", "sensor": GAS,
        "rule": RULES["combustible-gas"], "doubtful": False, "warnings": CityWarnings(levels=FOUR_LEVELS),
    }  # fmt: skip
    return Subject(**(facts | given))


def document(about: Subject, asked: Asked | None = None, shape: Shape | None = None, **given: Any) -> bytes:
    """A message about a subject, as it would be sent."""
    words: dict[str, Any] = {"message_type": "Alert", "scope": "Restricted", "status": "Actual"} | given
    circle = Shape(circle=((98.289, 39.7731), 0.3))
    content = compose(about, asked or Asked(), shape or circle, **words)
    references = () if words["message_type"] == "Alert" else (EARLIER,)
    return write_message(
        message(
            status=content.status,
            message_type=words["message_type"],
            scope=words["scope"],
            restriction=content.restriction,
            references=references,
            incidents=content.incidents,
            infos=timed(content, SENT, SENT + content.valid_s * 1000),
        )
    )


def test_an_alarm_as_it_goes_out() -> None:
    alert = read_cap(document(subject(incident="incident-1")))
    assert text_of(alert, "sent") == "2026-11-22T16:00:00+08:00"
    assert [text_of(alert, name) for name in ("status", "msgType", "scope")] == ["Actual", "Alert", "Restricted"]
    assert text_of(alert, "restriction")
    assert text_of(alert, "incidents") == "incident-1"
    assert texts_of(alert, "info/language") == ["zh-CN", "en-US"]
    zh, en = alert.findall(f"{CAP}info")
    assert text_of(zh, "headline") == "嘉峪关发布可燃气体泄漏一级（红）预警"
    assert text_of(en, "headline") == "Warning: Combustible gas, level I (red), Jiayuguan"
    assert text_of(zh, "description") == (
        "嘉峪关 xiongguan 七号阀室：可燃气体浓度，自2026年11月22日16时00分起，当前值62.5 %LEL，限值50 %LEL。"
    )
    assert text_of(en, "instruction") == RULES["combustible-gas"].guidance.response.en
    assert texts_of(zh, "category") == ["Safety", "Infra"]
    for info in (zh, en):
        words = [text_of(info, name) for name in ("urgency", "severity", "certainty", "responseType")]
        assert words == ["Immediate", "Extreme", "Observed", "Avoid"]
        assert pairs_of(info, "eventCode") == {"OET:v1.2": "OET-134"}
        assert text_of(info, "effective") == "2026-11-22T16:00:00+08:00"
        assert text_of(info, "expires") == "2026-11-22T22:00:00+08:00"
        assert text_of(info, "area/circle") == "39.7731,98.289 0.3"
    assert pairs_of(zh, "parameter") == {
        "color": "red", "level": "一级（红）", "rule": "combustible-gas",
        "value": "62.5", "limit": "50", "unit": "%LEL",
    }  # fmt: skip


def test_what_goes_to_the_public_points_at_no_sensor_or_house() -> None:
    written = document(subject(incident="incident-1"), scope="Public")
    alert = read_cap(written)
    assert text_of(alert, "info/area/circle") == "39.773,98.289 0.38"
    assert texts_of(alert, "info/instruction") == []  # the guidance speaks to operators
    own = Asked(texts={"zh": Texts(instruction="撤离"), "en": Texts(instruction="Leave")})
    assert texts_of(read_cap(document(subject(), own, scope="Public")), "info/instruction") == ["撤离", "Leave"]
    for private in ("GAS-1", "Valve chamber", "七号阀室", "incident-1", "restriction"):
        assert private not in written.decode()


def test_a_chain_names_all_that_went_before() -> None:
    first = message()
    second = message(identifier="city-20261122-1-3", sent=SENT + HOUR, message_type="Cancel", references=(
        Reference(first.sender, first.identifier, first.sent),
        Reference(first.sender, "city-20261122-1-9", first.sent + 60_000),
    ))  # fmt: skip
    assert text_of(read_cap(write_message(second)), "references") == (
        "lifeline@example.org,city-20261122-1-2,2026-11-22T16:00:00+08:00"
        " lifeline@example.org,city-20261122-1-9,2026-11-22T16:01:00+08:00"
    )


RING = ((98.1, 39.1), (98.2, 39.1), (98.2, 39.2), (98.1, 39.1))
REFUSED: dict[str, dict[str, Any]] = {
    "a space in the identifier": {"identifier": "a b"},
    "a comma in the sender": {"sender": "a,b"},
    "markup in the sender": {"sender": "a<b"},
    "an empty identifier": {"identifier": ""},
    "restricted without for whom": {"scope": "Restricted"},
    "restricted to blanks": {"scope": "Restricted", "restriction": " "},
    "public with a restriction": {"restriction": "police"},
    "an alert with references": {"references": (EARLIER,)},
    "an update without": {"message_type": "Update"},
    "a cancel without": {"message_type": "Cancel"},
    "expired when sent": {"infos": (msgspec.structs.replace(INFO, expires=SENT),)},
    "an open ring": {"infos": (msgspec.structs.replace(INFO, area=Area(description="x", polygons=(RING[:3],))),)},
    "a ring of two points": {
        "infos": (msgspec.structs.replace(INFO, area=Area(description="x", polygons=((*RING[:2], RING[0]),))),)
    },
    "a latitude of 98": {
        "infos": (msgspec.structs.replace(INFO, area=Area(description="x", circle=((39.0, 98.0), 1.0))),)
    },
    "a circle of nothing": {
        "infos": (msgspec.structs.replace(INFO, area=Area(description="x", circle=((98.0, 39.0), 0.0))),)
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_standard_demands_beyond_its_schema(case: str) -> None:
    with pytest.raises(NoCapMessage):
        write_message(message(**REFUSED[case]))


def test_a_ring_is_written_latitude_first_and_closed() -> None:
    info = msgspec.structs.replace(INFO, area=Area(description="a square", polygons=(RING,)))
    alert = read_cap(write_message(message(infos=(info,))))
    assert text_of(alert, "info/area/polygon") == "39.1,98.1 39.1,98.2 39.2,98.2 39.1,98.1"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("Asia/Shanghai", "2026-11-22T16:00:00+08:00"),
        ("Asia/Urumqi", "2026-11-22T14:00:00+06:00"),
        ("Asia/Kathmandu", "2026-11-22T13:45:00+05:45"),
        ("America/St_Johns", "2026-11-22T04:30:00-03:30"),
        ("UTC", "2026-11-22T08:00:00-00:00"),
        ("Europe/London", "2026-11-22T08:00:00-00:00"),
    ],
)
def test_times_bear_a_numeric_zone(zone: str, written: str) -> None:
    assert written_time(SENT, zone) == written
    assert text_of(read_cap(write_message(message(time_zone=zone))), "sent") == written


def test_the_schema_that_is_asked_finds_faults() -> None:
    good = write_message(message())
    assert schema_errors(good) == []
    assert schema_errors(good.replace(b"+08:00", b"Z"))
    assert schema_errors(good.replace(b">Immediate<", b">Soon<"))
    assert schema_errors(good.replace(b"<scope>Public</scope>", b""))


# Any text: markup, ends of CDATA, control characters, marks of direction, unpaired surrogates.
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"]), max_size=10),
    st.sampled_from(["]]>", "<!--", "&amp;", "</info></alert>", "<?x?>", "\x00", "\ud800", "\ufffe", "\r\n", "\"'"]),
)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_is_in_a_text_is_text(headline: str, description: str, name: str, place: str) -> None:
    about = subject(
        city=City(city="jyg", name=name, name_zh=name),
        district=place,
        sensor=msgspec.structs.replace(GAS, name=place, name_zh=place),
        warnings=CityWarnings(levels=FOUR_LEVELS, sender_name=name, geocodes=((place, name),)),
    )
    own = Texts(headline=headline, description=description, instruction=description)
    asked = Asked(texts={"zh": own, "en": own}, area=AreaAsked(description_zh=place, description_en=place))
    alert = read_cap(document(about, asked))
    plain = read_cap(document(subject()))
    for info, other in zip(alert.findall(f"{CAP}info"), plain.findall(f"{CAP}info"), strict=True):
        # No text makes or swallows an element; only those that would be empty are left out, and the geocode is new.
        tags = [element.tag for element in info.iter()]
        optional = {CAP + tag for tag in ("senderName", "headline", "description", "instruction", "geocode")}
        optional |= {CAP + "valueName", CAP + "value"}
        assert [t for t in tags if t not in optional] == [e.tag for e in other.iter() if e.tag not in optional]
        if description.strip():
            assert text_of(info, "description") == writable(description)
        found = text_of(info, "headline")
        assert found is None or (len(found) <= 160 and "\n" not in found)


KINDS = ["threshold", "forecast", "rate", "median_distance", "displacement", "combination"]


@given(
    system=st.sampled_from([*SYSTEMS, "unheard-of"]),
    name=st.sampled_from([None, *PROPERTIES]),
    kind=st.sampled_from(KINDS),
    severity=st.integers(1, 4),
    alarm_class=st.sampled_from(["process", "instrument", "system"]),
    condition=st.sampled_from(["active", "normal"]),
    doubtful=st.booleans(),
    rule=st.sampled_from([None, *RULES.values()]),
    message_type=st.sampled_from(["Alert", "Update", "Cancel"]),
    scope=st.sampled_from(["Public", "Restricted"]),
    status=st.sampled_from(["Actual", "Exercise", "Test", "Draft"]),
    shape=st.sampled_from([Shape(), Shape(ring=RING), Shape(circle=((98.0, 39.0), 0.5))]),
    expected=st.sampled_from([None, SENT + HOUR]),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_every_alarm_makes_a_message_that_the_schema_takes(
    system: str, name: str | None, kind: str, severity: int, alarm_class: Any, condition: Any, doubtful: bool,
    rule: Rule | None, message_type: Any, scope: Any, status: Any, shape: Shape, expected: int | None,
    value: float | None,
) -> None:  # fmt: skip
    sensor = None
    if name is not None:
        sensor = msgspec.structs.replace(GAS, property=name, unit=PROPERTIES[name].unit)
    about = subject(
        alarm=alarm(
            kind=kind, severity=0 if condition == "normal" else severity, peak_severity=severity, value=value,
            alarm_class=alarm_class, condition=condition, expected_from=expected, expected_to=expected,
        ),
        system=system, sensor=sensor, doubtful=doubtful, rule=rule,
    )  # fmt: skip
    alert = read_cap(document(about, shape=shape, message_type=message_type, scope=scope, status=status))
    colours = pairs_of(alert, "info/parameter").get("color")
    assert colours == (None if alarm_class != "process" else Severity(severity).label)
    over = message_type == "Cancel" or condition == "normal"
    assert (text_of(alert, "info/responseType") == "AllClear") == over
    assert (text_of(alert, "info/urgency") == "Past") == over


@pytest.mark.parametrize(
    ("kind", "severity", "urgency", "certainty"),
    [
        ("threshold", Severity.RED, "Immediate", "Observed"),
        ("threshold", Severity.ORANGE, "Immediate", "Observed"),
        ("threshold", Severity.YELLOW, "Expected", "Observed"),
        ("threshold", Severity.BLUE, "Future", "Observed"),
        ("forecast", Severity.RED, "Expected", "Likely"),
        ("forecast", Severity.BLUE, "Future", "Likely"),
        ("seasonal", Severity.ORANGE, "Immediate", "Possible"),
    ],
)
def test_how_soon_and_how_sure(kind: str, severity: Severity, urgency: str, certainty: str) -> None:
    assert urgency_of(severity, kind, returned=False) == urgency
    assert certainty_of(kind, doubtful=False) == certainty
    assert urgency_of(severity, kind, returned=True) == "Past"
    assert certainty_of(kind, doubtful=True) == "Possible"


def test_every_system_and_no_unknown_property_has_an_event() -> None:
    assert set(BY_SYSTEM) == set(SYSTEMS)
    assert set(BY_PROPERTY) <= set(PROPERTIES)


def test_a_city_of_three_levels_never_warns_lower_than_the_alarm() -> None:
    three = CityWarnings(levels=named_levels([WarningLevel("yellow"), WarningLevel("red"), WarningLevel("orange")]))
    for severity, colour, label in ((1, "yellow", "三级（黄）"), (2, "yellow", "三级（黄）"), (4, "red", "一级（红）")):
        about = subject(alarm=alarm(severity=severity, peak_severity=severity), warnings=three)
        parameters = pairs_of(read_cap(document(about)).find(f"{CAP}info"), "parameter")
        assert (parameters["color"], parameters["level"]) == (colour, label)


def test_a_headline_is_one_short_line() -> None:
    assert shortened("a\n b") == "a b"
    assert len(shortened("长" * 300)) == 160
    assert shortened("长" * 160) == "长" * 160
