"""What needs a second person: requested by one, decided by another, kept with both names."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.audit import Action
from model.instant import to_datetime
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool


class ApprovalRow(NamedTuple):
    """A request and what became of it; `city` is None where it concerns the whole deployment."""

    approval: int
    kind: str
    city: str | None
    subject: str
    request: dict[str, Any]
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None


_COLUMNS = ", ".join(ApprovalRow._fields)
_DECISIONS = {
    "approved": Action.REQUEST_APPROVED,
    "rejected": Action.REQUEST_REJECTED,
    "withdrawn": Action.REQUEST_WITHDRAWN,
}


async def request_approval(
    connection: Connection,
    *,
    kind: str,
    city: str | None,
    subject: str,
    request: dict[str, Any],
    by: str,
    now: int,
    expires: int,
) -> ApprovalRow:
    """Keep a request made at `now` that is void from `expires` on (epoch milliseconds)."""
    row = await connection.fetchrow(
        "insert into approval (kind, city, subject, request, requested_by, requested_at, expires_at)"
        f" values ($1, $2, $3, $4, $5, $6, $7) returning {_COLUMNS}",
        kind,
        city,
        subject,
        msgspec.json.encode(request).decode(),
        by,
        to_datetime(now),
        to_datetime(expires),
    )
    return _row(row)


async def lock_approval(connection: Connection, approval: int, areas: Sequence[str]) -> ApprovalRow | None:
    """Return a request, held until the transaction ends; None where there is none within the areas."""
    conditions = _within(areas)
    conditions.add_equal("approval", approval)
    row = await connection.fetchrow(
        f"select {_COLUMNS} from approval where {conditions} for update", *conditions.values
    )
    return None if row is None else _row(row)


async def decide_approval(
    connection: Connection, approval: int, *, state: str, by: str, now: int, comment: str | None
) -> ApprovalRow:
    """Keep what was decided at `now` (epoch milliseconds) on a request that the caller has locked."""
    row = await connection.fetchrow(
        "update approval set state = $2, decided_by = $3, decided_at = $4, comment = $5 where approval = $1"
        f" returning {_COLUMNS}",
        approval,
        state,
        by,
        to_datetime(now),
        comment,
    )
    decided = _row(row)
    await record(
        connection, actor=by, action=_DECISIONS[state], subject=f"{decided.kind} {approval}", city=decided.city,
        details={"about": decided.subject, "requested_by": decided.requested_by, "comment": comment},
    )  # fmt: skip
    return decided


async def expire_approvals(connection: Connection, clock: int) -> None:
    """Void the requests that nobody has decided on up to `clock` (epoch milliseconds)."""
    await connection.execute(
        "update approval set state = 'expired', decided_at = expires_at where state = 'requested' and expires_at <= $1",
        to_datetime(clock),
    )


async def find_approvals(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    state: str | None = None,
    kind: str | None = None,
    subject: str | None = None,
    before: int | None = None,
) -> list[ApprovalRow]:
    """Return requests, newest first."""
    conditions = _within(areas)
    conditions.add_equal("state", state)
    conditions.add_equal("kind", kind)
    conditions.add_equal("subject", subject)
    if before is not None:
        conditions.add("approval < ?", before)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_COLUMNS} from approval where {conditions} order by approval desc limit {limit}", *conditions.values
    )
    return [_row(row) for row in rows]


# The district that a request is about: that of its alarm, or of the sensors that a temporary limit selects.
_DISTRICT = (
    "coalesce((select a.district from alarm a where a.alarm = approval.subject), request #>> '{select,district}',"
    " (select s.district from sensor s where s.sensor = request #>> '{select,sensor}'))"
)


def _within(areas: Sequence[str]) -> Conditions:
    # What concerns the whole deployment is nobody's who sees a part of it.
    conditions = Conditions()
    conditions.within("city", areas, _DISTRICT)
    return conditions


def _row(row: Any) -> ApprovalRow:
    values = dict(row)
    values["request"] = msgspec.json.decode(values["request"])
    return ApprovalRow(**values)
