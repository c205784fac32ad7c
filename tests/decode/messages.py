"""Reads the messages of a golden folder.

`topic.txt` and `input.*` are one message, `content_type.txt` its content type. `messages.json` has several, in order:
`topic`, and `bytes` (hexadecimal) or `sparkplug`, the fields of a payload with `metrics` and their `properties`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest.message import Message


def read_messages(case: Path) -> list[Message]:
    """Return the messages of a golden folder."""
    several = case / "messages.json"
    if several.exists():
        return [_message(one) for one in json.loads(several.read_text("utf-8"))]
    payload = next(case.glob("input.*")).read_bytes()
    kind = case / "content_type.txt"
    content_type = kind.read_text().strip() if kind.exists() else None
    return [Message((case / "topic.txt").read_text().strip(), payload, len(payload), content_type=content_type)]


def sparkplug_payload(fields: dict[str, Any]) -> bytes:
    """Return the bytes of a Sparkplug payload."""
    from ingest.decoders.sparkplug_payload import Payload

    payload = Payload(**{name: value for name, value in fields.items() if name not in ("metrics", "uuid")})
    if "uuid" in fields:
        payload.uuid = fields["uuid"].encode()
    for entry in fields.get("metrics", ()):
        metric = payload.metrics.add()
        for name, value in entry.items():
            if name == "properties":
                for key, said in value.items():
                    metric.properties.keys.append(key.encode())
                    kind = {"text": said.encode()} if isinstance(said, str) else {"int_value": said}
                    metric.properties.values.add(**kind)
            else:
                setattr(metric, name, value.encode() if isinstance(value, str) else value)
    return bytes(payload.SerializeToString())


def _message(one: dict[str, Any]) -> Message:
    payload = bytes.fromhex(one["bytes"]) if "bytes" in one else sparkplug_payload(one["sparkplug"])
    return Message(one["topic"], payload, len(payload), dup=one.get("dup", False))
