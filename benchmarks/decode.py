"""What decoding costs in each payload form, beside the same bytes decoded by msgspec as one array without any check."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from pydantic import AwareDatetime, BaseModel, TypeAdapter

from benchmarks.measure import Bench, Case, case, machine
from ingest.decode import decode_message, decode_messages
from ingest.decoders.entry import Entry
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from ingest.message import Message
from ingest.settings import IngestLimits

MESSAGES = 500  # that the session hands over at a time
ARRAY = 100
ROUNDS = 40  # of the 500 in one repetition: 20,000 readings
REPETITIONS = 9
TIME_MS = 1_795_334_340_000
MAPPING = """
mapping: bench
topic: vendor/{sensor}
values:
  - {sensor: "{sensor}", value: v, unit: kPa}
time: {path: t}
"""


class PydanticReading(BaseModel):
    """The reading as pydantic would be told of it, for comparison."""

    time: AwareDatetime
    value: float
    unit: str | None = None
    quality: str | None = None
    sensor: str | None = None
    sequence: int | None = None


def bench_decode() -> Bench:
    """Measure decoding, in readings a second of one core: each case beside its own physical limit in the same run."""
    return Bench("decode", machine(), [*json_cases(), *senml_cases(), *mapping_cases(), *sparkplug_cases()])


def json_cases() -> list[Case]:
    """One reading a message of some 120 bytes: alone, 500 at a time, with one bad among 500; and arrays of 100."""
    limits = IngestLimits()
    messages = [_message(number, _object(number)) for number in range(MESSAGES)]
    bad = [*messages[:-1], _message(MESSAGES - 1, b'{"time":1795334340000,"value":tru}')]
    array = b"[" + b",".join(message.payload for message in messages) + b"]"
    typed = msgspec.json.Decoder(list[Entry])
    limit = _rates(lambda: typed.decode(array), MESSAGES)
    adapter = TypeAdapter(PydanticReading)
    hundreds = [
        Message("lifeline/bench/gateway/g-1", payload, len(payload))
        for payload in (
            b"[" + b",".join(_object(number, named=True) for number in range(start, start + ARRAY)) + b"]"
            for start in range(0, MESSAGES, ARRAY)
        )
    ]
    hundred_limit = _rates(lambda: [typed.decode(message.payload) for message in hundreds], MESSAGES)
    return [
        _case("one_by_one", _rates(lambda: [decode_message(one, limits) for one in messages], MESSAGES), limit),
        _case("joined_500", _rates(lambda: decode_messages(messages, limits), MESSAGES), limit),
        _case("joined_500_one_bad", _rates(lambda: decode_messages(bad, limits), MESSAGES), limit),
        _case("arrays_of_100", _rates(lambda: decode_messages(hundreds, limits), MESSAGES), hundred_limit),
        _case("pydantic", _rates(lambda: [adapter.validate_json(one.payload) for one in messages], MESSAGES), limit),
    ]


def senml_cases() -> list[Case]:
    """Packs of 100 records with base name and base time; the limit decodes the packs into untyped records."""
    limits = IngestLimits()
    records = [{"n": f"{number}", "t": number, "v": number + 0.25} for number in range(ARRAY)]
    pack = msgspec.json.encode([{"bn": "pipe-", "bt": TIME_MS // 1000, "bu": "Pa", **records[0]}, *records[1:]])
    message = Message("lifeline/bench/gateway/g-1/senml", pack, len(pack))
    return [
        _case(
            "senml_100",
            _rates(lambda: decode_message(message, limits), ARRAY),
            _rates(lambda: msgspec.json.decode(pack), ARRAY),
        )
    ]


def mapping_cases() -> list[Case]:
    """One vendor's reading a message; the limit decodes the payload into untyped fields."""
    limits, forms = IngestLimits(), Forms([parse_mapping("bench.yaml", MAPPING)])
    payloads = [b'{"t":"2026-11-22T08:00:00.%03dZ","v":%d.25,"id":7}' % (number, number) for number in range(MESSAGES)]
    messages = [Message(f"vendor/pipe-{number}", payload, len(payload)) for number, payload in enumerate(payloads)]
    return [
        _case(
            "mapping",
            _rates(lambda: decode_messages(messages, limits, forms), MESSAGES),
            _rates(lambda: [msgspec.json.decode(payload) for payload in payloads], MESSAGES),
        )
    ]


def sparkplug_cases() -> list[Case]:
    """Data messages of 100 aliased metrics; the limit is upb's parser, which leaves the fields where they are."""
    from ingest.decoders.sparkplug_payload import Payload

    limits, forms = IngestLimits(), Forms()
    birth, data = Payload(timestamp=TIME_MS), Payload(timestamp=TIME_MS, seq=1)
    for number in range(ARRAY):
        birth.metrics.add(name=b"pipe-%d" % number, alias=number, datatype=10, double_value=number)
        data.metrics.add(alias=number, timestamp=TIME_MS + number, double_value=number + 0.25)
    told = birth.SerializeToString()
    decode_message(Message("spBv1.0/bench/NBIRTH/node", told, len(told)), limits, forms)
    payload = data.SerializeToString()
    # Delivered again and again, so that its number makes no gap.
    message = Message("spBv1.0/bench/NDATA/node", payload, len(payload), dup=True)
    return [
        _case(
            "sparkplug_100",
            _rates(lambda: decode_message(message, limits, forms), ARRAY),
            _rates(lambda: Payload.FromString(payload), ARRAY),
        )
    ]


def _case(name: str, values: Sequence[float], limits: Sequence[float]) -> Case:
    return case(name, "readings/s", values, limits)


def _rates(work: Callable[[], Any], readings: int) -> list[float]:
    """Return readings a second of the processor's time in some repetitions; the first, which warms up, is left out."""
    rounds = max(1, ROUNDS * MESSAGES // readings)
    rates = []
    for _ in range(REPETITIONS + 1):
        began = time.process_time()
        for _ in range(rounds):
            work()
        rates.append(rounds * readings / (time.process_time() - began))
    return rates[1:]


def _object(number: int, *, named: bool = False) -> bytes:
    name = b',"sensor":"pipe-%d"' % number if named else b""
    return b'{"time":"2026-11-22T08:00:00.%03dZ","value":%d.25,"unit":"kPa","quality":"good","sequence":%d%s}' % (
        number,
        number,
        number,
        name,
    )


def _message(number: int, payload: bytes) -> Message:
    return Message(f"lifeline/bench/water/pipe-{number}", payload, len(payload))
