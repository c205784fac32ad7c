"""The feed of alarm transitions: what its bytes mean, and where to go on after a cut."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lifeline_client.requests import Lines, Patience, Request
from lifeline_client.types import FeedLine


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition of an alarm: its number in the feed, from which a stream can be resumed, and its journal line."""

    event: int
    line: FeedLine


@dataclass(frozen=True, slots=True)
class Reset:
    """The place from which to resume is not known any more: fetch the alarms anew; the stream goes on from here."""

    newest_event: int
    reason: str


@dataclass(slots=True)
class Feed:
    """Where a stream stands, over as many connections as it takes (server-sent events, HTML Living Standard 9.2)."""

    request: Request[object]
    patience: Patience
    last_event: int | None = None
    retry_s: float | None = None
    failures: int = 0
    _lines: Lines = field(default_factory=Lines)
    _fields: dict[str, str] = field(default_factory=dict)

    def next_request(self) -> Request[object]:
        """Return what to ask now; a new connection begins."""
        self._lines, self._fields = Lines(), {}
        headers = {"Accept": "text/event-stream"}
        if self.last_event is not None:
            headers["Last-Event-ID"] = str(self.last_event)
        return replace(self.request, headers=headers)

    def pause_s(self) -> float:
        """Return how long to wait before the next connection: longer each time that nothing came in between."""
        self.failures += 1
        patience = replace(self.patience, wait_s_first=self.retry_s or self.patience.wait_s_first)
        return patience.wait_s(self.failures)

    def take(self, data: bytes) -> Iterator[Transition | Reset]:
        """Yield what the bytes complete."""
        for line in self._lines.take(data):
            if line:
                name, _, value = line.decode().partition(":")
                self._fields[name] = value.removeprefix(" ")
                continue
            fields, self._fields = self._fields, {}
            event = self._event(fields)
            if event is not None:
                yield event

    def _event(self, fields: dict[str, str]) -> Transition | Reset | None:
        self.failures = 0
        if fields.get("retry", "").isdecimal():
            self.retry_s = int(fields["retry"]) / 1000
        number = int(fields["id"]) if fields.get("id", "").isdecimal() else None
        kind = fields.get("event")
        if kind == "reset":
            told = json.loads(fields["data"])
            self.last_event = int(told["newest_event"])
            return Reset(self.last_event, str(told.get("reason", "")))
        if kind == "transition" and number is not None:
            if self.last_event is not None and number <= self.last_event:
                return None  # told already
            self.last_event = number
            return Transition(number, json.loads(fields["data"]))
        if number is not None:
            self.last_event = number  # where the stream begins, told before its first event
        return None
