"""Fuzzed: files that people write or are handed: rules, mappings, rosters, sensors, readings, networks, evidence."""

import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from alerts.engine import Engine
from alerts.notification_file import parse_notification_file
from alerts.rule_file import default_files, parse_packs
from alerts.rule_tests import RuleTests, run_tests
from alerts.rules import Pack
from app.audit_file import AuditFileError, read_audit_file
from app.evidence_file import EvidenceError, verify_bytes
from app.recording import load_recording
from app.roles import ROLES
from app.sign_in.provider import load_mappings
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from model.city_file import parse_city_file
from model.network_file import parse_network_file
from model.reading import ReadingBatch
from model.reading_file import ReadingFileError
from model.roster import parse_rosters
from model.sensor_file import SensorFileError, parse_sensor_file
from model.yaml_file import YamlFileError, parse_model
from tests.fuzz.messages import ARRIVED, GOLDEN, LIMITS, REGISTRY
from tests.fuzz.target import SLOW_S, Target, must_say, text_of, words_in

YAML_BYTES_MAX = 3_000  # read by Python itself, so that each kilobyte takes milliseconds
_OF_YAML = [
    *words_in(
        ": - [ ] { } , & * ! | > # % @ ` ? ' \" --- ... !!int !!float !!bool !!timestamp !!binary "
        "!!set !!omap !!null !!str << ~ .inf .nan 0o7 1:20 2026-11-22 true"
    ),
    b"\n", b"\n  ", b": ", b"- ", b"\t", b"\r", b"\xe2\x80\xa8", b"!!int ''", b"!!float ''", b"!!bool x",
    b"!!timestamp x", b"&a", b"*a",
]  # fmt: skip
_FOLDER = tempfile.TemporaryDirectory(prefix="lifeline-fuzz-")  # goes with the process


def _written(name: str) -> Path:
    """Where an input is written for what reads a file; each process has its own folder."""
    return Path(_FOLDER.name) / name


def _yaml_target(
    parse: Callable[[str], object], good: list[str], *, more: str = "", refused: type[Exception] = YamlFileError
) -> Target:
    """Files of YAML: good ones as people write them and, to be changed where their meaning lies, as JSON."""

    def take(data: bytes) -> bool:
        try:
            parse(text_of(data))
        except refused as error:
            must_say(error)
            return False
        return True

    trees = [json.dumps(yaml.safe_load(text), ensure_ascii=False, default=str) for text in good]
    seeds = [text.encode() for text in (*good, *trees) if len(text.encode()) <= YAML_BYTES_MAX]
    return Target(take=take, good=seeds, words=[*_OF_YAML, *words_in(more)], form="tree", bytes_max=YAML_BYTES_MAX)


def _single_rules() -> list[str]:
    """The rules that come with Lifeline, each as a pack of its own with short texts."""
    words, found = {"en": "a", "zh": "一"}, []
    for _, text in default_files():
        for rule in yaml.safe_load(text)["rules"]:
            guidance = {"cause": words, "consequence": words, "response": words, "time_to_respond_s": 60}
            rule = {**rule, "name": words, "guidance": guidance}
            found.append(json.dumps({"pack": "mine", "description": words, "rules": [rule]}, ensure_ascii=False))
    return found


def rule_files() -> Target:
    """Rule files; one that is accepted binds to sensors, evaluates, and survives its keeping."""
    keys = np.array([1, 3, 1], np.int32)
    times = ARRIVED + np.array([0, 0, 60_000])
    batch = ReadingBatch(1, int(times[-1]), keys, times, np.array([5.0, 0.3, 60.0]), np.zeros(3, np.uint16), times)

    def parse(text: str) -> None:
        for pack in parse_packs([("rules.yaml", text)]):
            assert Pack.model_validate_json(pack.content).version == pack.version
            Engine([pack], REGISTRY).evaluate(batch)

    parse(_single_rules()[0])  # the kernels are compiled by now
    return _yaml_target(
        parse, _single_rules(), more="kind: threshold limits: blue: on_delay_s: select: .inf expression: value"
    )


def rule_test_files() -> Target:
    """Files of rule tests; those that are accepted run, against the packs that come with Lifeline."""
    from tests.rules.streams import PLAIN_RULE

    pack = Pack.model_validate_json(
        json.dumps({"pack": "p", "description": {"en": "a", "zh": "一"}, "rules": [PLAIN_RULE]})
    )
    good = """tests:
  - test: a flood
    sensors: [{sensor: s1, system: drainage, property: water_depth}]
    readings:
      - {sensor: s1, from_s: 0, every_s: 60, values: [1, 15, 35], times: 2}
      - {sensor: s1, from_s: 900, values: [1], late_s: 5}
    until_s: 4000
    expect: [{time_s: 60, rule: depth, sensor: s1, to: blue}]
"""

    def parse(text: str) -> None:
        run_tests(parse_model("t.yaml", text, RuleTests, "empty").tests, [pack])

    parse(good)
    target = _yaml_target(parse, [good], more="times: values: every_s: until_s: late_s: 1e308 999999999")
    return replace(target, slow_s=10.0)  # as many readings are evaluated as it asks for, 200,000 at most


def mapping_files() -> Target:
    """Mapping files; one that is accepted can be listened by."""

    def parse(text: str) -> None:
        assert Forms([parse_mapping("m.yaml", text)]).subscriptions

    good = [path.read_text("utf-8") for path in sorted(GOLDEN.glob("*/mapping.yaml"))]
    return _yaml_target(parse, good, more="{a} {$.b} {{ }} a.b $.x %Y-%m-%d %s zone: format: epoch_ms words: + #")


def notification_files() -> Target:
    """Channels, people and routes."""
    from tests.unit.test_notification_file import GOOD

    return _yaml_target(
        lambda text: parse_notification_file("n.yaml", text), [GOOD], more="https://[::1 http://a:b@c# json:// url:"
    )


def roster_files() -> Target:
    """Teams, rosters and deadlines."""
    from tests.unit.test_rosters import FILE

    return _yaml_target(lambda text: parse_rosters("r.yaml", text), [FILE], more="to: from: 24:00 2026-13-01 steps:")


def oidc_mappings() -> Target:
    """What claims of an identity provider give."""
    path = _written("oidc.yaml")
    good = "name_claim: sub\nmappings:\n  - {claim: groups, value: ops, role: operator, areas: [jiayuguan/xiongguan]}\n"

    def parse(text: str) -> None:
        path.write_text(text, "utf-8")
        load_mappings(path, tuple(ROLES))

    return _yaml_target(parse, [good], refused=ValueError)


_SENSORS = b"""sensor,city,system,property,unit,longitude,latitude,name,interval_s,district,mode,time_zone,gas,valid_min
s1,jyg,gas,combustible_gas,%{LEL},98.29,39.77,"Xinhua, Road 1",60,x,test,Asia/Shanghai,methane,0
s2,jyg,water,water_pressure,kPa,,,\xe4\xb8\x83\xe5\x8f\xb7,300,,test,Asia/Shanghai,,
"""
_SENSORS_GEOJSON = json.dumps({"type": "FeatureCollection", "features": [{
    "type": "Feature", "geometry": {"type": "Point", "coordinates": [98.29, 39.77]}, "properties": {
        "sensor": "s1", "city": "jyg", "system": "gas", "property": "combustible_gas", "unit": "%{LEL}",
        "interval_s": 60,
        "calibration_due": "2026-12-01"}}]}).encode()  # fmt: skip


def _sensor_files(name: str, good: bytes, form: Any) -> Target:
    path = _written(name)

    def take(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            found = parse_sensor_file(path)
        except SensorFileError as error:
            must_say(error)
            return False
        assert all(text for _, text in found.problems)
        return not found.problems

    words = words_in(
        "s1 jyg gas water combustible_gas %{LEL} kPa 98.29 -181 60 0 1e999 test operational upstream "
        "camera_url ' \" =1 phone 电话"
    )
    return Target(take=take, good=[good], words=words, form=form, bytes_max=20_000)


def sensors_csv() -> Target:
    """Sensors files."""
    return _sensor_files("sensors.csv", _SENSORS, "table")


def sensors_geojson() -> Target:
    """Sensors files that are GeoJSON."""
    return _sensor_files("sensors.geojson", _SENSORS_GEOJSON, "tree")


def cities_csv() -> Target:
    """Cities files."""
    path = _written("cities.csv")

    def take(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            found = parse_city_file(path)
        except SensorFileError:
            return False
        assert all(text for _, text in found.problems)
        return not found.problems

    good = "city,name,name_zh,time_zone,mode,province\njyg,Jiayuguan,嘉峪关,Asia/Shanghai,test,gansu\njc,Jinchang,,,,\n"
    return Target(
        take=take,
        good=[good.encode()],
        words=words_in("city name test exercise Asia/Urumqi UTC Mars =1 '"),
        form="table",
        bytes_max=20_000,
    )


def _readings_files(name: str, good: list[bytes], form: Any, *, pack: bool = False) -> Target:
    path = _written(name)

    def take(data: bytes) -> bool:
        # Half of the packed ones are changed before they are packed, half after.
        path.write_bytes(gzip.compress(data, 1) if pack and data[:2] != b"\x1f\x8b" else data)
        try:
            found = load_recording(path, REGISTRY, LIMITS)
        except ReadingFileError as error:
            must_say(error)
            return False
        assert np.isfinite(found.readings.value).all()
        return len(found.readings) > 0

    words = words_in(
        "time sensor value unit quality received_at gas-1 gas-2 pipe-1 kPa good bad 2026-11-22T08:00:00Z "
        "1795334340000 1e400 nan ' \" \\ud800 { } :"
    )
    # A packed file takes as long as what it holds.
    return Target(take=take, good=good, words=words, form=form, bytes_max=20_000, slow_s=3.0 if pack else SLOW_S)


_READINGS = b"""time,sensor,value,unit,quality,received_at
2026-11-22T08:00:00Z,gas-1,5,,good,2026-11-22T08:00:01Z
1795334400000,gas-1,5.5,,,
2026-11-22T16:02:00+08:00,pipe-2,"300",kPa,uncertain,
"""
_READINGS_NDJSON = b"""{"time":"2026-11-22T08:00:00Z","sensor":"gas-1","value":5}
{"time":1795334400000,"sensor":"gas-1","value":5.5,"quality":"good","unit":null}
{"time":"2026-11-22T08:02:00Z","sensor":"pipe-2","value":3e2,"unit":"kPa","received_at":"2026-11-22T08:02:01Z"}
"""


def readings_csv() -> Target:
    """Readings files, down to the batches of a back-test."""
    return _readings_files("readings.csv", [_READINGS], "table")


def readings_ndjson() -> Target:
    """Readings files, a JSON object a line."""
    return _readings_files("readings.ndjson", [_READINGS_NDJSON, *_READINGS_NDJSON.splitlines(keepends=True)], "tree")


def readings_gzip() -> Target:
    """Packed readings files, small ones that unpack to much among them."""
    packed = [
        gzip.compress(one)
        for one in (_READINGS, b"time,sensor,value\n" + b"0" * 20_000_000, b"time,sensor,value\n" * 20_000)
    ]
    return _readings_files("readings.csv.gz", [*packed, _READINGS], "bytes", pack=True)


def _network_files(name: str, good: list[bytes], form: Any, words: str) -> Target:
    path = _written(name)

    def take(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            found = parse_network_file(path)
        except SensorFileError as error:
            must_say(error)
            return False
        assert all(text for _, text in found.problems)
        return not found.problems

    return Target(take=take, good=good, words=words_in(words), form=form, bytes_max=20_000)


def networks_geojson() -> Target:
    """Networks as GeoJSON."""
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [98.29, 39.77]}, "properties": {
        "node": "a", "medium": "gas", "kind": "valve", "elevation_m": 1600}}  # fmt: skip
    line = {"type": "Feature", "id": "p1", "geometry": {
                "type": "LineString", "coordinates": [[98.29, 39.77], [98.3, 39.78]]},
            "properties": {"from": "a", "to": "b", "medium": "gas", "length_m": 12.5, "diameter_mm": "300",
                           "year_built": 1999,
                           "material": "钢", "crs": "CGCS2000"}}  # fmt: skip
    several = {
        **line,
        "id": None,
        "geometry": {"type": "MultiLineString", "coordinates": [[[98.29, 39.77], [98.3, 39.78]]]},
    }
    good = [
        json.dumps({"type": "FeatureCollection", "features": part}).encode()
        for part in ([line], [point, line], [several, point])
    ]
    return _network_files(
        "net.geojson",
        good,
        "tree",
        '"features": "properties": "geometry": "coordinates": null [ ] { } "from": "to": "Point" "gcj02" 1e999',
    )


def networks_inp() -> Target:
    """Input files of EPANET and SWMM."""
    from tests.unit.test_network_file import EPANET, SWMM

    words = (
        "[JUNCTIONS] [PIPES] [CONDUITS] [COORDINATES] [VERTICES] [OPTIONS] [XSECTIONS] [END] [ ] ; J1 P1 1e999 nan LPS"
    )
    return _network_files("net.inp", [EPANET.encode(), SWMM.encode()], "bytes", words)


def evidence_files() -> Target:
    """Files of evidence: changed as they are, and changed by who makes every hash fit again."""
    from tests.rules.test_evidence_file import LINES, WHOLE, made_of

    parts = json.dumps([[one["part"], one["content"]] for one in map(json.loads, LINES[:-1])]).encode()

    def take(data: bytes) -> bool:
        try:
            given = json.loads(data)
            if isinstance(given, list) and all(isinstance(one, list) and len(one) == 2 for one in given):
                data = made_of(lambda _: [(name, content) for name, content in given])
        except (ValueError, RecursionError, TypeError, AttributeError):
            pass  # it is no list of parts, or none that hashes can be made of
        try:
            verify_bytes(data)
        except EvidenceError as error:
            must_say(error)
            return False
        return True

    take(WHOLE)  # the kernels are compiled by now
    return Target(
        take=take,
        good=[parts, parts, parts, WHOLE],
        form="tree",
        words=words_in('"part": "content": "line": "hash": "end" { } [ ] ,'),
        bytes_max=100_000,
        slow_s=1.0,  # the decision is made again, batch by batch
    )


def audit_files() -> Target:
    """Exported audits."""
    from app.audit_file import end_line, row_line
    from model.audit import Entry
    from model.chain import hash_of

    path = _written("audit.ndjson")
    fields = {"sequence": 1, "recorded_at": "2026-11-22T08:00:00.000Z", "actor": "ann", "actor_kind": "user",
              "address": None, "action": "log-in", "subject": "", "city": None, "outcome": "done", "details": "{}",
              "previous": "0" * 64, "hash": "0" * 64}  # fmt: skip
    entry = Entry(**fields)
    entry = entry._replace(hash=hash_of(entry))
    good = (row_line(entry) + end_line(1, entry)).encode()

    def take(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            found = read_audit_file(path)
        except AuditFileError as error:
            must_say(error)
            return False
        return found.broken is None

    return Target(
        take=take,
        good=[good, *good.splitlines(keepends=True)],
        words=words_in('{"complete": "rows": "details": { } [ ] null 1'),
        form="tree",
        bytes_max=100_000,
    )
