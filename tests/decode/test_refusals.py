"""Of a message in which very much is wrong the first faults are explained, and nothing that is good or bad is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.decode import decode_message
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from ingest.decoders.refusals import REFUSED_ONE_BY_ONE_MAX as MAX
from ingest.message import Decoded, Message
from ingest.settings import IngestLimits
from tests.decode.messages import sparkplug_payload
from tests.decode.test_hostile_forms import MAPPING, TOPICS

NOW_S = 1_795_334_340


def _senml(value: object, number: int) -> dict[str, object]:
    return {"n": "gas-1", "t": NOW_S + number, "v": value}


def _vendor(value: object, number: int) -> dict[str, object]:
    return {"n": 1, "t": (NOW_S + number) * 1000, "v": value}


FORMS = {"senml": _senml, "mapping": _vendor}


def _decode(form: str, entries: list[Any]) -> Decoded:
    payload = json.dumps(entries if form == "senml" else {"data": entries}, separators=(",", ":")).encode()
    forms = Forms([parse_mapping("vendor.yaml", MAPPING)])
    return decode_message(Message(TOPICS[form], payload, len(payload)), IngestLimits(), forms)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [MAX - 1, MAX, MAX + 1, 3 * MAX])
def test_good_entries_are_taken_however_many_others_are_not(form: str, count: int) -> None:
    entries = [FORMS[form](number if number % 2 else "bad", number) for number in range(2 * count)]
    decoded = _decode(form, entries)
    assert list(decoded.columns.value) == [float(number) for number in range(2 * count) if number % 2]
    refused = [json.loads(one.payload) for one in decoded.rejections]
    others = refused.pop() if count > MAX else []
    assert [*refused, *others] == entries[::2]
    assert len(refused) == min(count, MAX)
    assert len({one.reason for one in decoded.rejections}) == 1
    if others:
        assert f"{len(others)} further entries" in decoded.rejections[-1].detail


@pytest.mark.parametrize("form", FORMS)
def test_where_none_was_usable_so_far_the_rest_is_kept_unread(form: str) -> None:
    entries = [FORMS[form]("bad", number) for number in range(MAX + 1)]
    entries += [FORMS[form](1, number) for number in range(9)]
    decoded = _decode(form, entries)
    assert not decoded.columns.sensor
    assert len(decoded.rejections) == MAX + 1
    assert json.loads(decoded.rejections[-1].payload) == entries[MAX:]


@pytest.mark.parametrize("mark", [{"bn": 5}, {"x_": 1}, {"n": "gas\u002d1", "u": "\\"}])
def test_a_record_that_is_not_looked_into_may_have_changed_those_after_it(mark: dict[str, object]) -> None:
    bad = [_senml("bad", number) for number in range(1, MAX + 1)]
    entries = [_senml(1, 0), *bad, _senml(2, MAX + 1), {**_senml("bad", MAX + 2), **mark}, _senml(3, MAX + 3)]
    decoded = _decode("senml", entries)
    assert list(decoded.columns.value) == [1.0, 2.0]
    assert json.loads(decoded.rejections[-1].payload) == entries[-2:]
    without = _decode("senml", [*entries[:-2], _senml("bad", MAX + 2), entries[-1]])
    assert list(without.columns.value) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("good", "others"), [([], 20), ([0, MAX + 5], 18)], ids=["none is good", "some are good"])
def test_metrics_beyond_those_explained_are_kept_with_the_whole_message(good: list[int], others: int) -> None:
    metrics = [
        {"name": f"gas-{number}", "datatype": 10, **({"double_value": 1.0} if number in good else {"is_null": True})}
        for number in range(MAX + 20)
    ]
    payload = sparkplug_payload({"timestamp": NOW_S * 1000, "metrics": metrics})
    decoded = decode_message(Message(TOPICS["sparkplug birth"], payload, len(payload)), IngestLimits(), Forms())
    assert list(decoded.columns.sensor) == [f"gas-{number}" for number in good]
    assert len(decoded.rejections) == MAX + 1
    assert decoded.rejections[-1].payload == payload
    assert decoded.rejections[-1].detail.startswith(f"{others} further metrics")


def test_a_metric_with_more_properties_than_any_device_has_is_no_sensor() -> None:
    """They are not walked through, so that what they say of sensor and quality is unknown."""
    many: dict[str, object] = {f"p{number}": 1 for number in range(65)}
    plain = {"name": "gas-1", "datatype": 10, "double_value": 1.0}
    full = {"name": "gas-2", "datatype": 10, "double_value": 1.0, "properties": {**many, "sensor": "gas-2"}}
    forms = Forms()
    for kind, metrics in (("NBIRTH", [plain, full]), ("NDATA", [{**plain, "properties": many}])):
        payload = sparkplug_payload({"timestamp": NOW_S * 1000, "metrics": metrics})
        topic = f"spBv1.0/jiayuguan/{kind}/edge-1"
        decoded = decode_message(Message(topic, payload, len(payload)), IngestLimits(), forms)
        if kind == "NBIRTH":
            assert decoded.columns.sensor == ["gas-1"]
            assert [(one.reason, "gas-2" in one.detail) for one in decoded.rejections] == [("no_sensor", True)]
        else:
            assert decoded.columns.sensor == []
            assert [one.reason for one in decoded.rejections] == ["payload_too_large"]
