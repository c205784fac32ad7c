"""What is done to accounts by an administrator or at the machine, each with its record in the audit."""

from collections.abc import Sequence
from datetime import datetime

from app.sign_in.passwords import hash_password, one_time_password
from model.audit import Action
from store.audit import record
from store.keys import list_keys
from store.pool import Connection, Pool, in_transaction
from store.sessions import close_sessions
from store.sign_in_attempts import forgive
from store.users import change_user, create_user, has_users, remove_second_factor, set_password

FIRST = "admin"


async def create_account(
    connection: Connection,
    name: str,
    *,
    role: str,
    areas: Sequence[str],
    password_hash: str,
    now: datetime,
    by: str,
    display_name: str = "",
    must_change_password: bool = True,
) -> None:
    """Make an account. Raises ActorTaken."""
    await create_user(
        connection, name, role=role, areas=areas, now=now, password_hash=password_hash, display_name=display_name,
        must_change_password=must_change_password,
    )  # fmt: skip
    details = {"role": role, "areas": ", ".join(areas)}
    await record(connection, actor=by, action=Action.USER_CREATED, subject=name, details=details)


async def change_account(
    connection: Connection,
    name: str,
    now: datetime,
    *,
    by: str,
    role: str | None = None,
    areas: Sequence[str] | None = None,
    display_name: str | None = None,
) -> None:
    """Change what is not None. Raises LastAdministrator."""
    await change_user(connection, name, now, role=role, areas=areas, display_name=display_name)
    details = {"role": role, "areas": None if areas is None else ", ".join(areas), "display_name": display_name}
    known = {fact: value for fact, value in details.items() if value is not None}
    await record(connection, actor=by, action=Action.USER_CHANGED, subject=name, details=known)


async def disable_account(connection: Connection, name: str, now: datetime, *, disabled: bool, by: str) -> None:
    """Disable an account, which ends its sessions at once, or enable it again. Raises LastAdministrator."""
    await change_user(connection, name, now, disabled=disabled)
    if disabled:
        await close_sessions(connection, name)
    action = Action.USER_DISABLED if disabled else Action.USER_ENABLED
    await record(connection, actor=by, action=action, subject=name)


async def reset_password(connection: Connection, name: str, password_hash: str, *, by: str) -> None:
    """Set a password for one log-in; the sessions end, and failed log-ins are forgotten."""
    await set_password(connection, name, password_hash, must_change=True)
    await close_sessions(connection, name)
    await forgive(connection, "name", name.lower())
    await record(connection, actor=by, action=Action.PASSWORD_RESET, subject=name)


async def reset_second_factor(connection: Connection, name: str, *, by: str) -> None:
    """Take a second factor away whose telephone and recovery codes are lost; the sessions end."""
    await remove_second_factor(connection, name)
    await close_sessions(connection, name)
    await record(connection, actor=by, action=Action.SECOND_FACTOR_REMOVED, subject=name)


async def unlock(connection: Connection, name: str, *, by: str) -> bool:
    """Forget the failed log-ins of a name; False where there are none."""
    forgiven = await forgive(connection, "name", name.lower())
    if forgiven:
        await record(connection, actor=by, action=Action.LOG_IN_UNLOCKED, subject=name)
    return forgiven


async def first_administrator(pool: Pool, now: datetime) -> tuple[str, str] | None:
    """Make the first account, a security administrator of everything, and return its name and password for one log-in.

    None where there is an account already: so there is no default secret, and none is ever made twice.
    """
    if await has_users(pool):
        return None
    password = one_time_password()
    password_hash = hash_password(password)
    async with in_transaction(pool) as connection:
        await connection.execute("lock table user_account in share row exclusive mode")
        if await has_users(connection):
            return None  # another process was faster
        labels = {key.label.lower() for key in await list_keys(connection)}
        name = next(name for name in (FIRST, *(f"{FIRST}{n}" for n in range(2, 1_000))) if name not in labels)
        await create_account(
            connection, name, role="security_administrator", areas=["*"], password_hash=password_hash, now=now,
            by="lifeline",
        )  # fmt: skip
    return name, password
