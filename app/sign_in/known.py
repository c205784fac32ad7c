"""Logging in whom the city's identity provider names: the account is made, follows the claims, or is shut out."""

from datetime import datetime

from app.api.context import ApiContext
from app.sign_in.provider import Known
from app.sign_in.signing_in import NOBODY, Refused, SignedIn, open_for
from model.audit import Action, ActorKind
from model.instant import to_datetime
from model.user import is_user_name
from store.audit import origin, record
from store.pool import Connection
from store.sessions import close_sessions
from store.users import ActorTaken, LastAdministrator, StoredUser, change_user, create_user, find_known_user


async def sign_in_known(context: ApiContext, known: Known) -> SignedIn:
    """Open a session for whom the identity provider names; role and areas are as its claims give them now.

    Raises Refused where the user is disabled here, or the name is another's or cannot be one.
    """
    now = to_datetime(context.clock())
    async with context.reading() as connection, connection.transaction():
        user = await find_known_user(connection, known.issuer, known.subject)
        name = known.name if user is None else user.name
        follows = await _make(connection, known, now) if user is None else await _follow(connection, user, known, now)
        token = await open_for(context, connection, name, None) if follows else None
        if token is not None:
            origin.set(origin.get()._replace(kind=ActorKind.USER))
            details = {"provider": known.issuer}
            await record(connection, actor=name, action=Action.LOG_IN, subject=name, details=details)
            return SignedIn(name, token)
        await _record_refusal(connection, user, known.issuer)
    raise Refused


async def _make(connection: Connection, known: Known, now: datetime) -> bool:
    try:
        if not is_user_name(known.name):
            return False
        await create_user(
            connection, known.name, role=known.role, areas=known.areas, now=now, password_hash=None,
            display_name=known.display_name, must_change_password=False, known_as=(known.issuer, known.subject),
        )  # fmt: skip
    except ActorTaken:
        return False
    await _record_role(connection, Action.USER_CREATED, known.name, known)
    return True


async def _follow(connection: Connection, user: StoredUser, known: Known, now: datetime) -> bool:
    if (user.role, list(user.areas)) == (known.role, known.areas):
        return True
    try:
        async with connection.transaction():
            await change_user(connection, user.name, now, role=known.role, areas=known.areas)
    except LastAdministrator:
        await close_sessions(connection, user.name)  # keeps the role, and what it opens no more
        return False
    await _record_role(connection, Action.USER_CHANGED, user.name, known)
    return True


async def _record_role(connection: Connection, action: Action, name: str, known: Known) -> None:
    details = {"role": known.role, "areas": ", ".join(known.areas), "provider": known.issuer}
    await record(connection, actor=name, action=action, subject=name, details=details)


async def shut_out(context: ApiContext, issuer: str, subject: str) -> None:
    """End the sessions of somebody whom the provider knows and nothing gives a role any more; record the attempt."""
    async with context.reading() as connection, connection.transaction():
        user = await find_known_user(connection, issuer, subject)
        if user is not None:
            await close_sessions(connection, user.name)
        await _record_refusal(connection, user, issuer)


async def _record_refusal(connection: Connection, user: StoredUser | None, issuer: str) -> None:
    who = NOBODY if user is None else user.name
    details = {"provider": issuer}
    await record(connection, actor=who, action=Action.LOG_IN_FAILED, subject=who, outcome="refused", details=details)
