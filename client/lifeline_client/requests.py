"""Requests as values, and when one is sent again: what both forms of the client share, without any input or output."""

import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import httpx

from lifeline_client.errors import Unavailable, problem_of

Result = TypeVar("Result")


class Route(NamedTuple):
    """A method and path of the API, with names in braces."""

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Request(Generic[Result]):
    """What is asked: sent again it is the same, its idempotency key included. `decode` reads the answer's bytes."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    decode: Callable[[bytes], Result] = json.loads

    @property
    def may_repeat(self) -> bool:
        """Whether it does nothing twice when it is sent twice."""
        return self.method == "GET" or "Idempotency-Key" in self.headers


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent in all, and how long is waited between (seconds).

    Waits double from `wait_s_first` and are scattered, so that clients that were cut off together do not come back
    together; where the service names a time (`Retry-After`) that is waited for, unless it is beyond `wait_s_max`.
    """

    attempts_max: int = 4
    wait_s_first: float = 0.5
    wait_s_max: float = 30.0

    def wait_s(self, attempt: int) -> float:
        """Return the wait after the attempt of that number, from 1."""
        return min(self.wait_s_first * 2.0 ** min(attempt - 1, 20), self.wait_s_max) * random.uniform(0.5, 1.0)

    def wait_before_next(
        self, request: Request[Any], attempt: int, failure: httpx.Response | httpx.TransportError
    ) -> float | None:
        """Return how long to wait before the request is sent again; None where it is not."""
        if attempt >= self.attempts_max or not request.may_repeat:
            return None
        if isinstance(failure, httpx.TransportError):
            return self.wait_s(attempt)
        problem = problem_of(failure)
        if not isinstance(problem, Unavailable):
            return None
        named = problem.retry_after_s
        if named is None:
            return self.wait_s(attempt)
        return named if named <= self.wait_s_max else None


def build(
    route: Route,
    names: Mapping[str, str],
    query: Mapping[str, object] | None = None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    decode: Callable[[bytes], Any] = json.loads,
) -> Request[Any]:
    """Return a request; names go into the path, and parameters that are None are left out.

    An action gets an idempotency key of its own, unless `body` names one.
    """
    sent = dict(headers or {})
    content = None
    if body is not None:
        fields = {name.rstrip("_"): written(value) for name, value in body.items() if value is not None}
        sent |= {
            "Content-Type": "application/json",
            "Idempotency-Key": fields.pop("idempotency_key", None) or uuid.uuid4().hex,
        }
        content = json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    return Request(
        route.method,
        route.path.format(**{name: quote(value, safe="") for name, value in names.items()}),
        {name.rstrip("_"): _text(value) for name, value in (query or {}).items() if value is not None},
        sent,
        content,
        decode,
    )


def written(value: Any) -> Any:
    """Return a value as JSON has it: times in UTC. Raises ValueError for a time without a zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; give it one, like datetime(…, tzinfo=UTC)")
        return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(_text(part) for part in value)
    return repr(value) if isinstance(value, float) else str(written(value))


class Lines:
    """Cuts bytes as they come into lines; only a line feed ends one."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole now, without their ends."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.removesuffix(b"\r") for line in whole]
