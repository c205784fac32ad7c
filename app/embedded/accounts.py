"""As whom PostgreSQL runs: it refuses root, so root must find another account that reaches the files.

First choice for root is a user namespace: the files keep their owner and no account of the system is touched. Where
namespaces are denied (containers, hardened kernels), an account of the system takes its place, if need be with the one
capability to pass directories that only root may enter.
"""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.errors import AccountRefused, CommandFailed, last_words
from app.embedded.process import OWN_ACCOUNT, run

_PREFERRED_NAMES = ("postgres", "nobody")
_PROBE_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Account:
    """`spelling` is what the launcher is told; `owner` and `group` are whose the files on disk must be."""

    spelling: str
    owner: int
    group: int


async def account_for(home: Path, probe: Sequence[str]) -> Account:
    """The first account under which `probe` (a harmless command of the server) works with `home` as its directory.

    Raises:
        AccountRefused: none does; with the reason of each.
    """
    reasons = []
    for account in _candidates():
        try:
            said = await run(
                account.spelling, probe, timeout_s=_PROBE_TIMEOUT_S, directory=home, account=account.spelling
            )
        except CommandFailed as error:
            said = error.output
        else:
            # PostgreSQL only mentions that it could not look at its own program; initdb fails for it later.
            if os.strerror(errno.EACCES) not in said:
                return account
        reasons.append(f"{account.spelling}: {last_words(said, lines=1)}")
    raise AccountRefused(home, tuple(reasons))


def _candidates() -> list[Account]:
    uid, gid = os.geteuid(), os.getegid()
    other = _unprivileged()
    # initdb asks for the name of its user, so the number borne in the namespace must be one that has a name.
    namespace = Account(f"namespace:{other.pw_uid}:{other.pw_gid}", uid, gid)
    if uid != 0:
        own = Account(OWN_ACCOUNT, uid, gid)
        return [own] if _has_name(uid) else [namespace, own]
    numbers = f"{other.pw_uid}:{other.pw_gid}"
    return [
        namespace,
        Account(f"account:{numbers}", other.pw_uid, other.pw_gid),
        Account(f"account-with-files:{numbers}", other.pw_uid, other.pw_gid),
    ]


def _unprivileged() -> pwd.struct_passwd:
    for name in _PREFERRED_NAMES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def hand_over(tree: Path, account: Account) -> None:
    """Give everything under `tree` to the account, the top last, so that an interrupted run is done again.

    Raises:
        PermissionError: the files are another user's and we are not root.
    """
    if tree.stat().st_uid == account.owner:
        return
    for directory, _, files in os.walk(tree, topdown=False):
        for name in files:
            os.chown(os.path.join(directory, name), account.owner, account.group, follow_symlinks=False)
        os.chown(directory, account.owner, account.group)
