"""What the audit learns from requests: who sends them, from where, and which were denied to a known caller."""

import logging
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import ApiContext, context_of
from app.api.problems import Problem
from model.audit import Action, ActorKind
from store.audit import Origin, origin, record
from store.pool import TRANSIENT_ERRORS, Connection

SUBJECTS_MAX = 10_000  # of whom it is known when they were recorded last
log = logging.getLogger(__name__)
Subject = tuple[str, Action, str]
_UNRECORDED: tuple[type[BaseException], ...] = (*TRANSIENT_ERRORS, Problem)


class RecordedOften:
    """What may come many times a minute is recorded once in a while, with how often it came meanwhile."""

    def __init__(self, every_s: float, subjects_max: int = SUBJECTS_MAX) -> None:
        self._every_ms = every_s * 1_000
        self._subjects_max = subjects_max
        self._known: dict[Subject, tuple[float, int]] = {}  # when it was recorded, and what came since

    def due(self, subject: Subject, now: int) -> int | None:
        """Return how often it came since it was recorded, this time apart; None where it is only counted now.

        `now` is epoch milliseconds. Who gets a number records it and calls `recorded` then.
        """
        at, since = self._known.get(subject, (float("-inf"), 0))
        if now - at >= self._every_ms:
            return since
        self._known[subject] = (at, since + 1)
        return None

    def recorded(self, subject: Subject, now: int) -> None:
        """Note that it stands in the audit; the one that was recorded longest ago is forgotten where too many are."""
        self._known.pop(subject, None)
        self._known[subject] = (now, 0)
        if len(self._known) > self._subjects_max:
            del self._known[next(iter(self._known))]


class AuditTrail:
    """ASGI middleware: says for each request where it comes from, and records it where it was denied."""

    def __init__(self, app: ASGIApp, context: ApiContext, often: RecordedOften) -> None:
        self.app = app
        self.context = context
        self.often = often

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record a 403 to somebody who is known before it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        origin.set(Origin(ActorKind.UNKNOWN, client[0] if client else None))

        async def look_and_send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 403:
                actor = scope.get("state", {}).get("actor")
                if actor is not None:
                    await self._record_denial(scope, actor)
            await send(message)

        await self.app(scope, receive, look_and_send)

    async def _record_denial(self, scope: Scope, actor: str) -> None:
        # By the route and not the path, so that made-up names in it cannot fill the audit.
        subject = f"{scope['method']} {getattr(scope.get('route'), 'path', '?')}"
        key, now = (actor, Action.REQUEST_DENIED, subject), self.context.clock()
        since = self.often.due(key, now)
        if since is None:
            return
        try:
            async with self.context.reading() as connection:
                await record(
                    connection, actor=actor, action=Action.REQUEST_DENIED, subject=subject, outcome="refused",
                    details={"path": scope["path"], "repeated": since},
                )  # fmt: skip
        except _UNRECORDED:
            log.exception("a denied request of %s is not in the audit: %s", actor, subject)
        else:
            self.often.recorded(key, now)


def note_caller(request: Request, actor: str, kind: str) -> None:
    """Say who sends this request, as soon as that is known; `kind` is one of model.audit.ActorKind."""
    request.state.actor = actor
    origin.set(Origin(ActorKind(kind), origin.get().address))


async def record_read(
    request: Request, connection: Connection, actor: str, action: Action, subject: str, city: str, **facts: Any
) -> None:
    """Record that something was read that not everybody may read; page after page, once in a while."""
    often: RecordedOften = request.app.state.recorded_often
    key, now = (actor, action, subject), context_of(request).clock()
    since = often.due(key, now)
    if since is None:
        return
    await record(
        connection, actor=actor, action=action, subject=subject, city=city, details=facts | {"repeated": since}
    )
    often.recorded(key, now)
