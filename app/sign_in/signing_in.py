"""Logging in: attempt counted, password and code checked, session opened. No connection is held while hashes are made.

Whether the name is unknown, the password wrong or the user disabled, the same work is done and the same error raised.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from app.api.context import ApiContext
from app.sign_in.attempts import Subjects, admit, counted_address, subjects_of, succeed, take_back
from app.sign_in.limits import SignInLimits
from app.sign_in.passwords import HashingBusy, hash_off_loop, is_outdated, is_password_off_loop
from app.sign_in.second_factor import hash_recovery_code, matching_step
from model.audit import Action, ActorKind
from model.instant import to_datetime
from model.user import is_user_name
from store.audit import origin, record
from store.pool import Connection
from store.sessions import open_session, remove_ended
from store.sign_in_attempts import Kind
from store.users import (
    Credentials,
    find_credentials,
    note_signed_in,
    set_password,
    use_recovery_code,
    use_step,
)

NOBODY = "unknown"  # the actor where the name is none of ours: it may be a password in the wrong field


class Refused(Exception):
    """Name, password or code is wrong, or the user is disabled; it is not said which."""


class CodeMissing(Exception):
    """The password is right, and the user has a second factor."""


class SignedIn(NamedTuple):
    """A session that was opened, and its cookie."""

    name: str
    token: str


class _Attempt(NamedTuple):
    user: Credentials | None
    subjects: Subjects
    waiting: Sequence[Kind]  # have to wait after it, if it fails


async def sign_in(context: ApiContext, *, name: str, password: str, code: str | None, address: str | None) -> SignedIn:
    """Open a session. Raises TooManyAttempts, Refused, CodeMissing and HashingBusy."""
    attempt = await _begin(context, name, address)
    user = await _with_password(context, attempt, password)
    assert user.password_hash is not None
    if user.totp_secret is not None and code is None:
        async with context.reading() as connection, connection.transaction():
            await take_back(connection, attempt.subjects)
        raise CodeMissing
    outdated = is_outdated(user.password_hash)
    kept = await hash_off_loop(context.sign_in, password) if outdated else user.password_hash
    async with context.reading() as connection, connection.transaction():
        if await is_second_factor(connection, user, code, context.clock(), context.sign_in.limits):
            if outdated:
                await set_password(connection, user.name, kept, must_change=None, was=user.password_hash)
            token = await open_for(context, connection, user.name, kept)
            if token is not None:
                await succeed(connection, attempt.subjects)
                origin.set(origin.get()._replace(kind=ActorKind.USER))
                await record(connection, actor=user.name, action=Action.LOG_IN, subject=user.name)
                return SignedIn(user.name, token)
    await _fail(context, attempt)
    raise Refused


async def confirm_password(context: ApiContext, *, name: str, password: str, address: str | None) -> Credentials:
    """Return what proves a logged-in user who has typed the password again, whoever sits at the desk.

    Raises TooManyAttempts, Refused and HashingBusy.
    """
    attempt = await _begin(context, name, address)
    user = await _with_password(context, attempt, password)
    async with context.reading() as connection, connection.transaction():
        await succeed(connection, attempt.subjects)
    return user


async def confirm_code(context: ApiContext, *, name: str, code: str, address: str | None) -> Credentials:
    """Use up a code of a logged-in user and return what proves the user. Raises TooManyAttempts and Refused."""
    attempt = await _begin(context, name, address)
    if attempt.user is not None and attempt.user.totp_secret is not None:
        async with context.reading() as connection, connection.transaction():
            if await is_second_factor(connection, attempt.user, code, context.clock(), context.sign_in.limits):
                await succeed(connection, attempt.subjects)
                return attempt.user
    await _fail(context, attempt)
    raise Refused


async def is_second_factor(
    connection: Connection, user: Credentials, code: str | None, now: int, limits: SignInLimits
) -> bool:
    """Use up a code or recovery code and return whether it was one; always where the user has no second factor."""
    if user.totp_secret is None:
        return True
    if code is None:
        return False
    step = matching_step(user.totp_secret, code, now, limits.code_steps_off_max)
    if step is not None:
        return await use_step(connection, user.name, step)
    return await use_recovery_code(connection, user.name, hash_recovery_code(code))


async def _begin(context: ApiContext, name: str, address: str | None) -> _Attempt:
    subjects = subjects_of(counted_address(address), name)
    now, limits = to_datetime(context.clock()), context.sign_in.limits
    async with context.reading() as connection:
        waiting = await admit(connection, subjects, now, limits)
        user = await find_credentials(connection, name) if is_user_name(name) else None
        return _Attempt(user, subjects, waiting)


async def _with_password(context: ApiContext, attempt: _Attempt, password: str) -> Credentials:
    user = attempt.user
    kept = None if user is None else user.password_hash
    try:
        is_right = await is_password_off_loop(context.sign_in, kept, password)
    except HashingBusy:
        async with context.reading() as connection, connection.transaction():
            await take_back(connection, attempt.subjects)  # nothing was guessed
        raise
    if is_right and user is not None:
        return user
    await _fail(context, attempt)
    raise Refused


async def open_for(context: ApiContext, connection: Connection, name: str, password_hash: str | None) -> str | None:
    """Open a session and return its cookie; None as of store.sessions.open_session."""
    now, limits = to_datetime(context.clock()), context.sign_in.limits
    await remove_ended(connection, now, now - limits.idle)
    ends_at = now + timedelta(hours=limits.session_hours_max)
    token = await open_session(connection, name, now, ends_at, limits.sessions_per_user_max, password_hash)
    if token is not None:
        await note_signed_in(connection, name, now)
    return token


async def _fail(context: ApiContext, attempt: _Attempt) -> None:
    who = NOBODY if attempt.user is None else attempt.user.name
    async with context.reading() as connection, connection.transaction():
        await record(connection, actor=who, action=Action.LOG_IN_FAILED, subject=who, outcome="refused")
        for kind, subject in attempt.subjects:
            if kind in attempt.waiting and (kind == "address" or attempt.user is not None):
                await record(
                    connection, actor=who, action=Action.LOG_IN_LOCKED, subject=subject, details={"kind": kind}
                )
