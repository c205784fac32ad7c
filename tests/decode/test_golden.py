"""Each folder here is a message (or some, in order): topic, bytes, perhaps a mapping, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.decode import decode_message, decode_messages
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from ingest.gathered import Gathered, gather_decoded
from ingest.message import Message
from ingest.placement import Places
from ingest.prepare import prepare
from ingest.reasons import Reason
from ingest.settings import IngestLimits
from model.instant import format_instant, parse_instant
from model.reading import Quality, Rejection
from model.registry import Registry
from tests.decode.messages import read_messages

ARRIVED = parse_instant("2026-11-22T08:00:00Z")
CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))


def _alone(messages: list[Message], forms: Forms) -> Gathered:
    return gather_decoded(messages, {i: decode_message(one, IngestLimits(), forms) for i, one in enumerate(messages)})


def _together(messages: list[Message], forms: Forms) -> Gathered:
    return decode_messages(messages, IngestLimits(), forms)


@pytest.mark.parametrize("decode", [_alone, _together])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, decode: Callable[[list[Message], Forms], Gathered], registry: Registry) -> None:
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    messages = read_messages(case)
    mapping = case / "mapping.yaml"
    forms = Forms([parse_mapping(str(mapping), mapping.read_text("utf-8"))] if mapping.exists() else [])
    prepared = prepare(Places(registry), decode(messages, forms), ARRIVED, IngestLimits())
    readings = prepared.readings
    assert [
        {
            "sensor": registry.sensors[sensor].sensor,
            "time": format_instant(time),
            "value": pytest.approx(value, rel=1e-12),
            "quality": Quality(quality).labels,
        }
        for sensor, time, value, quality in zip(
            readings.sensor.tolist(),
            readings.time.tolist(),
            readings.value.tolist(),
            readings.quality.tolist(),
            strict=True,
        )
    ] == expected["readings"]
    assert [(one.reason, one.sensor) for one in prepared.rejections] == [
        (one["reason"], one["sensor"]) for one in expected["rejections"]
    ]
    for rejection, wanted in zip(prepared.rejections, expected["rejections"], strict=True):
        _check_rejection(rejection, wanted, [message.payload for message in messages])


def test_every_reason_has_a_case_or_a_test_of_its_own() -> None:
    shown = {one["reason"] for case in CASES for one in json.loads((case / "expected.json").read_text())["rejections"]}
    elsewhere = {
        Reason.PAYLOAD_TOO_LARGE,  # test_hostile
        Reason.TOO_MANY_READINGS,  # test_hostile
        Reason.DECODER_FAILED,  # test_hostile
        Reason.RATE_LIMITED,  # test_limiter
        Reason.STORE_REFUSED,  # test_pipeline
    }
    assert set(Reason) - {Reason(word) for word in shown} == elsewhere


def _check_rejection(rejection: Rejection, wanted: dict[str, Any], payloads: list[bytes]) -> None:
    assert wanted["says"] in rejection.detail
    assert rejection.detail.isprintable()
    if wanted["payload"] is not None:
        assert rejection.payload == wanted["payload"].encode()
    else:
        assert any(rejection.payload in payload for payload in payloads)
    assert rejection.payload_bytes == len(rejection.payload)
