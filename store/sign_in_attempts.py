"""How often a log-in failed, by name and by address; in the database, so that processes and restarts share it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from store.pool import Connection

Kind = Literal["address", "name"]


class Charged(NamedTuple):
    """An attempt that may be made, or (`admitted` false) one that has to wait until `blocked_until`."""

    admitted: bool
    blocked_until: datetime | None


async def charge(
    connection: Connection,
    kind: Kind,
    subject: str,
    now: datetime,
    forget_after: timedelta,
    wait_after: Callable[[int], timedelta],
) -> Charged:
    """Count an attempt as failed before it is tried, so that many at one time gain nothing; `refund` takes it back.

    While the subject is blocked nothing is counted. `wait_after` gives the wait after so many failures.
    """
    async with connection.transaction():
        await connection.execute(
            "insert into sign_in_attempt (kind, subject, failures, failed_at) values ($1, $2, 0, $3)"
            " on conflict do nothing",
            kind,
            subject,
            now,
        )
        row = await connection.fetchrow(
            "select failures, failed_at, blocked_until from sign_in_attempt where kind = $1 and subject = $2"
            " for update",
            kind,
            subject,
        )
        if row is None:  # forgotten by another process in this moment
            return Charged(True, None)
        if row["blocked_until"] is not None and row["blocked_until"] > now:
            return Charged(False, row["blocked_until"])
        failures = 1 if row["failed_at"] < now - forget_after else row["failures"] + 1
        wait = wait_after(failures)
        blocked_until = now + wait if wait else None
        await connection.execute(
            "update sign_in_attempt set failures = $3, failed_at = $4, blocked_until = $5"
            " where kind = $1 and subject = $2",
            kind,
            subject,
            failures,
            now,
            blocked_until,
        )
    return Charged(True, blocked_until)


async def refund(connection: Connection, kind: Kind, subject: str) -> None:
    """Take one attempt back, and the wait after it: it was no failure."""
    await connection.execute(
        "update sign_in_attempt set failures = greatest(0, failures - 1), blocked_until = null"
        " where kind = $1 and subject = $2",
        kind,
        subject,
    )


async def forgive(connection: Connection, kind: Kind, subject: str) -> bool:
    """Forget all failures of a subject; False where there are none."""
    status = await connection.execute("delete from sign_in_attempt where kind = $1 and subject = $2", kind, subject)
    return bool(status != "DELETE 0")


async def blocked_until(connection: Connection, kind: Kind, now: datetime) -> dict[str, datetime]:
    """Return the subjects that have to wait now, and until when."""
    rows = await connection.fetch(
        "select subject, blocked_until from sign_in_attempt where kind = $1 and blocked_until > $2", kind, now
    )
    return {row["subject"]: row["blocked_until"] for row in rows}


async def forget_old(connection: Connection, before: datetime, now: datetime) -> None:
    """Delete what was counted before a time and blocks nobody; what another process holds is left to it."""
    await connection.execute(
        "delete from sign_in_attempt where (kind, subject) in (select kind, subject from sign_in_attempt"
        " where failed_at < $1 and (blocked_until is null or blocked_until <= $2) limit 1000 for update skip locked)",
        before,
        now,
    )
