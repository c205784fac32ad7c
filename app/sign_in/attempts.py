"""Slows down those who guess: waits that double, by name and by address, counted in the database.

An unknown name is counted as a known one is, so that the waits tell nobody which names there are. Anybody can make a
name wait, so the wait is at most some minutes and ends by itself, or by the security administrator.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from app.sign_in.limits import SignInLimits
from model.user import is_user_name
from store.pool import Connection
from store.sign_in_attempts import Kind, charge, forget_old, forgive, refund

Subjects = Sequence[tuple[Kind, str]]


class TooManyAttempts(Exception):
    """A name or an address has to wait."""

    def __init__(self, kind: Kind, until: datetime) -> None:
        super().__init__(f"too many failed log-ins of this {kind}")
        self.kind = kind
        self.until = until


def wait_after(failures: int, free: int, limits: SignInLimits) -> timedelta:
    """Return the wait after so many failures: none for the first `free` - 1, then doubling up to the limit."""
    if failures < free:
        return timedelta(0)
    doublings = min(failures - free, 32)  # beyond it any limit is reached, and floats stay small
    return timedelta(seconds=min(limits.first_wait_s * 2**doublings, limits.wait_s_max))


def subjects_of(address: str | None, name: str) -> Subjects:
    """Return what an attempt counts for, the address first: one that is blocked makes no name wait.

    What can be no name is not kept: it may be a password in the wrong field.
    """
    found: list[tuple[Kind, str]] = []
    if address is not None:
        found.append(("address", address))
    if is_user_name(name):
        found.append(("name", name.lower()))
    return found


def counted_address(host: str | None) -> str | None:
    """Return what an address is counted as: itself or, in IPv6, its network of 64 bits, which one house has."""
    if host is None:
        return None
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)


async def admit(connection: Connection, subjects: Subjects, now: datetime, limits: SignInLimits) -> list[Kind]:
    """Count an attempt before it is tried; return which subjects have to wait if it fails. Raises TooManyAttempts."""
    await forget_old(connection, now - limits.forgotten_after, now)
    free = {"address": limits.address_failures_free, "name": limits.name_failures_free}
    blocked: list[Kind] = []
    for kind, subject in subjects:
        charged = await charge(
            connection,
            kind,
            subject,
            now,
            limits.forgotten_after,
            lambda failures, kind=kind: wait_after(failures, free[kind], limits),  # type: ignore[misc]
        )
        if not charged.admitted:
            assert charged.blocked_until is not None
            raise TooManyAttempts(kind, charged.blocked_until)
        if charged.blocked_until is not None:
            blocked.append(kind)
    return blocked


async def succeed(connection: Connection, subjects: Subjects) -> None:
    """Forget the failures of the name; of the address this attempt alone, or one good account would free all others."""
    for kind, subject in subjects:
        if kind == "name":
            await forgive(connection, kind, subject)
        else:
            await refund(connection, kind, subject)


async def take_back(connection: Connection, subjects: Subjects) -> None:
    """Take this attempt alone back: it was half of a log-in and no failure."""
    for kind, subject in subjects:
        await refund(connection, kind, subject)
