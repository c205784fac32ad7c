"""Whom a start lets in: the first administrator, and the demo's person and key."""

from datetime import datetime
from pathlib import Path

from app.clock import clock
from app.runtime import Running
from app.sign_in.accounts import create_account, first_administrator
from app.sign_in.passwords import hash_password, one_time_password
from model.audit import Action
from model.instant import to_datetime
from store.audit import record
from store.keys import create_key, find_key
from store.pool import in_transaction
from store.users import find_user

DEMO_USER = "demo-supervisor"  # not `supervisor`, which is what a key of that role is called by default


async def print_first_log_in(running: Running) -> None:
    """Where there is no user yet, make the first and print its password: this once, and nowhere else."""
    first = await first_administrator(running.pool, _now())
    if first is not None:
        name, password = first
        print(f"  first log-in, shown this once (role security_administrator): {name} {password}", flush=True)


async def print_demo_log_in(running: Running) -> None:
    """Print the name and password of the demo's person, the same at every start, kept beside its data as the key is."""
    path = running.settings.home / "demo-password"
    password = _read(path)
    if await find_user(running.pool, DEMO_USER) is None:
        password = one_time_password()
        _keep(path, password)
        async with in_transaction(running.pool) as connection:
            await create_account(
                connection, DEMO_USER, role="supervisor", areas=["*"], password_hash=hash_password(password),
                now=_now(), by="lifeline", must_change_password=False,
            )  # fmt: skip
    shown = password or f"its password is not kept here; lifeline users reset-password {DEMO_USER} gives another"
    print(f"  demo log-in (name and password, role supervisor): {DEMO_USER} {shown}", flush=True)


async def demo_key(running: Running) -> str:
    """Return the demo's key, the same at every start; kept beside its data."""
    path = running.settings.home / "demo-key"
    key = _read(path)
    if key is not None and await find_key(running.pool, key) is not None:
        return key
    async with in_transaction(running.pool) as connection:
        key = await create_key(connection, label="demo", role="supervisor", areas=["*"])
        details = {"role": "supervisor", "areas": "*"}
        await record(connection, actor="lifeline", action=Action.KEY_CREATED, subject="demo", details=details)
    _keep(path, key)
    return key


def _keep(path: Path, secret: str) -> None:
    """Write a secret where its owner alone can read it."""
    path.touch(mode=0o600)
    path.write_text(secret, "utf-8")


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return None


def _now() -> datetime:
    return to_datetime(clock())
