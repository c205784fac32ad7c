"""Passwords: what may be one, how one is kept (argon2id, RFC 9106), and one for the first log-in."""

import asyncio
import functools
import secrets
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.sign_in.limits import SignIn, SignInLimits

_HASHER = PasswordHasher()  # the library's defaults: RFC 9106, low memory (64 MiB, 3 passes, 4 lanes)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_NAME_CHARACTERS_MIN = 3  # a name of one or two letters is in many a password by chance

_TOO_COMMON = """
    123456789012 1234567890123 12345678901234 123456789123 123123123123 112233445566 111111111111 000000000000
    888888888888 666666666666 121212121212 147258369147 123456123456 123456abcdef 1234567890ab 1234567890qwe
    123456789abc 123456789qwe 123qweasdzxc 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 1qaz2wsx3edc4rfv qazwsxedcrfv
    qwertyuiop12 qwertyuiop123 qwertyuiop[] qwerty123456 qwertyasdfgh qwerasdfzxcv asdfghjkl123 asdfghjkl;' zxcvbnm12345
    abcdefghijkl abcdef123456 abc123456789 a123456789012 a1b2c3d4e5f6 aaaaaaaaaaaa passwordpassword password1234
    password12345 password123456 password@1234 passw0rd1234 p@ssw0rd1234 mypassword123 changeme1234 changemeplease
    letmein123456 welcome12345 welcome123456 iloveyou1234 iloveyou1314 woaini5201314 woaini123456 5201314woaini
    administrator administrator1 admin1234567 admin12345678 admin123456789 admin@123456 admin@123456789 adminadmin123
    superadmin123 rootroot1234 root12345678 test12345678 testtesttest user12345678 guest1234567 operator1234
    supervisor123 huawei123456 huawei@123456 lifeline1234 lifeline2025 lifeline2026 lifeline12345 jiayuguan123
    jiayuguan123456 football1234 superman1234 sunshine1234 princess1234 monkey123456 dragon123456
    correcthorsebatterystaple
"""
COMMONEST = frozenset(_TOO_COMMON.split())
"""The commonest of twelve characters and more; shorter ones are refused for that."""


class WeakPassword(ValueError):
    """A password that cannot be taken; the text says why."""


class HashingBusy(Exception):
    """Too many passwords are being checked at this moment."""


def check_password(password: str, name: str, limits: SignInLimits) -> None:
    """Raise WeakPassword for one that is too short or long, holds the name, or is one of the commonest."""
    text = _normal(password)
    if len(text) < limits.password_characters_min:
        raise WeakPassword(f"has fewer than {limits.password_characters_min} characters")
    if len(text) > limits.password_characters_max:
        raise WeakPassword(f"has more than {limits.password_characters_max} characters")
    plain = text.casefold()
    if plain in COMMONEST or len(set(plain)) == 1:
        raise WeakPassword("is one of the commonest")
    if len(name) >= _NAME_CHARACTERS_MIN and name.casefold() in plain:
        raise WeakPassword("holds your name")


def one_time_password() -> str:
    """Return a random password of 99 bits."""
    return random_groups(4)


def random_groups(groups: int) -> str:
    """Return random groups of five letters, some 25 bits each, that can be read out and typed."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(groups))


def hash_password(password: str) -> str:
    """Return what is kept of a password; takes some 50 ms."""
    return _HASHER.hash(_normal(password))


def is_password(password_hash: str | None, password: str) -> bool:
    """Return whether it is the password of this hash; without one as slowly, and False."""
    try:
        return _HASHER.verify(password_hash or _nobodys_hash(), _normal(password)) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made with parameters that are no longer the present ones."""
    return _HASHER.check_needs_rehash(password_hash)


async def hash_off_loop(sign_in: SignIn, password: str) -> str:
    """Return what is kept of a password, without holding up the event loop. Raises HashingBusy."""
    async with _turn(sign_in):
        return await asyncio.to_thread(hash_password, password)


async def is_password_off_loop(sign_in: SignIn, password_hash: str | None, password: str) -> bool:
    """Return whether it is the password of this hash, without holding up the event loop. Raises HashingBusy."""
    async with _turn(sign_in):
        return await asyncio.to_thread(is_password, password_hash, password)


@asynccontextmanager
async def _turn(sign_in: SignIn) -> AsyncIterator[None]:
    """Hold a place among the hashes that are made at one time, which bounds memory whoever asks."""
    try:
        async with asyncio.timeout(sign_in.limits.hash_wait_s_max):
            await sign_in.hashing.acquire()
    except TimeoutError:
        raise HashingBusy from None
    try:
        yield
    finally:
        sign_in.hashing.release()


@functools.cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


def _normal(password: str) -> str:
    # As RFC 8265 has it, so that keyboards that compose letters differently give one password.
    return unicodedata.normalize("NFC", password)
