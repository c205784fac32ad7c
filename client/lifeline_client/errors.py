"""What can go wrong, as exceptions that say what, where and what to do."""

import json
from typing import Any

import httpx


class LifelineError(Exception):
    """Anything that this package raises by itself."""


class Unreachable(LifelineError):
    """The service did not answer, however often it was asked."""


class IncompleteExport(LifelineError):
    """An export was broken off; `rows` came before that, and what came is not all."""

    def __init__(self, rows: int, cause: str) -> None:
        super().__init__(
            f"the export was broken off after {rows} rows ({cause}); ask again, for a shorter span perhaps"
        )
        self.rows = rows


class ProblemError(LifelineError):
    """An error that the service answers with (RFC 9457).

    `kind` is the last part of its type, `field` the parameter or field of the body that it is about, `remedy` what to
    do, `facts` all further members, `retry_after_s` how long the service asks to wait.
    """

    def __init__(self, status: int, body: dict[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.kind = str(body.get("type", "about:blank")).rpartition("#")[2]
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", ""))
        self.field: str | None = body.get("field")
        self.remedy: str | None = body.get("remedy")
        self.facts = {name: value for name, value in body.items() if name not in _OWN}
        self.retry_after_s = retry_after_s
        super().__init__("; ".join(text for text in (self.detail or self.title or str(status), self.remedy) if text))


class Unauthorized(ProblemError):
    """401: no key in force."""


class Forbidden(ProblemError):
    """403: the role or the areas of the key do not allow it."""


class NotFound(ProblemError):
    """404: it does not exist, or lies outside the areas of the key."""


class Conflict(ProblemError):
    """409: the present state does not allow it; for an action on an alarm, `facts["alarm"]` is the alarm now."""


class Invalid(ProblemError):
    """422: a parameter or field that cannot be used, or an answer that would be too large."""


class Unavailable(ProblemError):
    """429, 502 or 503: not now; asked again as often as `Patience` allows."""


_OWN = {"type", "title", "status", "detail", "field", "remedy"}
_KINDS: dict[int, type[ProblemError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
}


def problem_of(response: httpx.Response) -> ProblemError:
    """Return the exception for an answer that is an error and was read whole."""
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"title": response.reason_phrase, "detail": f"{response.status_code} {response.reason_phrase}"}
    waiting = response.headers.get("retry-after", "")
    kind = _KINDS.get(response.status_code, ProblemError)
    return kind(response.status_code, body, float(waiting) if waiting.isdecimal() else None)
