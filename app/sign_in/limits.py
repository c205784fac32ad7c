"""The limits of log-in, and the work of one process on it."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.sign_in.provider import Provider

KEY_OVERLAP_MINUTES_MAX = 7 * 24 * 60  # of a key and the one that takes its place


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLimits:
    """Limits with units; those that a deployment sets come from `app.settings`."""

    session_idle_minutes_max: float = 30.0  # without any request or open stream
    session_hours_max: float = 12.0  # a long shift
    session_noted_s: float = 60.0  # how often a session's use is written down at most
    sessions_per_user_max: int = 20
    second_factor_roles: frozenset[str] = frozenset()  # may do nothing before they have one
    password_characters_min: int = 12
    password_characters_max: int = 256
    hashes_at_one_time_max: int = 2  # each takes 64 MiB and some 50 ms of four threads
    hash_wait_s_max: float = 5.0
    name_failures_free: int = 5
    address_failures_free: int = 30  # a control room is behind one address
    first_wait_s: float = 30.0  # doubled by each further failure
    wait_s_max: float = 900.0
    failures_forgotten_s: float = 3_600.0
    code_steps_off_max: int = 1  # of 30 s, that a telephone's clock may be off
    recovery_codes: int = 10

    @property
    def idle(self) -> timedelta:
        """How long a session may go unused."""
        return timedelta(minutes=self.session_idle_minutes_max)

    @property
    def noted_every(self) -> timedelta:
        """How often a session's use is written down at most."""
        return min(timedelta(seconds=self.session_noted_s), self.idle / 4)

    @property
    def forgotten_after(self) -> timedelta:
        """How long a failure counts."""
        return timedelta(seconds=self.failures_forgotten_s)


@dataclass(slots=True, kw_only=True)
class SignIn:
    """What log-in works with in one process. `public_url` is where people reach Lifeline, empty where unknown."""

    limits: SignInLimits = field(default_factory=SignInLimits)
    public_url: str = ""
    provider: "Provider | None" = None  # the city's own
    hashing: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.hashing = asyncio.Semaphore(self.limits.hashes_at_one_time_max)
