"""Who may do what: API keys and sessions, roles and areas. The areas go into the SQL of every query (invariant I10)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.audit_trail import note_caller
from app.api.context import ApiContext, context_of
from app.api.problems import Problem
from app.roles import Role
from app.sign_in.limits import SignInLimits
from app.sign_in.origin import SAFE_METHODS, is_own
from model.area import EVERYWHERE, covers, touched_cities, touches
from model.instant import to_datetime
from store.keys import StoredKey, find_key, find_keys
from store.sessions import StoredSession, find_session, find_sessions, note_seen

KEY_CHARACTERS_MAX = 200
COOKIE = "lifeline_session"


READERS = frozenset(Role) - {Role.SECURITY_ADMINISTRATOR}  # who hands out keys need not see what they open
ACKNOWLEDGERS = frozenset({Role.OPERATOR, Role.FIELD, Role.SUPERVISOR})
DESK = frozenset({Role.OPERATOR, Role.SUPERVISOR})
SITE_WORKERS = frozenset({Role.OPERATOR, Role.FIELD, Role.ENGINEER, Role.SUPERVISOR})
OUT_OF_SERVICE_TAKERS = frozenset({Role.ENGINEER, Role.SUPERVISOR})
QUARANTINE_READERS = READERS - {Role.VIEWER, Role.FIELD}  # raw messages may hold anything


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: the label of the key or name of the user (the actor in the journal), its role and areas.

    The areas are those of model.area, with the cities of each province.
    """

    label: str
    role: str
    areas: tuple[str, ...]
    key_hash: bytes  # of the key, or of the session's cookie
    session: StoredSession | None = None  # where a person logged in

    @property
    def kind(self) -> Literal["key", "user"]:
        """Which of the two, for the record."""
        return "key" if self.session is None else "user"

    @property
    def sees_everything(self) -> bool:
        """Whether the areas have no bounds."""
        return EVERYWHERE in self.areas

    def sees(self, city: str, district: str = "") -> bool:
        """Whether a district of a city is within the areas or, where no district is named, the whole city."""
        return covers(self.areas, city, district)


def principal_of(stored: StoredKey) -> Principal:
    """Return whom a stored key stands for."""
    return Principal(stored.label, stored.role, stored.areas, stored.key_hash)


def principal_of_session(stored: StoredSession) -> Principal:
    """Return whom a session stands for."""
    return Principal(stored.name, stored.role, stored.areas, stored.token_hash, stored)


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="An API key")

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="A session, by POST /session")


async def identify(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
    _: Annotated[str | None, Depends(_cookie)] = None,
) -> Principal:
    """Return the caller, also one who has to change a password or enrol a second factor before anything else.

    A key goes before a session. Raises Problem 401 without either in force, 403 where another site may have sent it.
    """
    key = bearer.credentials if bearer is not None else header
    cookie = request.cookies.get(COOKIE)
    if not key and cookie:
        return await _by_session(request, cookie)
    if not key:
        raise _unauthorized("the request has neither an API key nor a session")
    context = context_of(request)
    if len(key) <= KEY_CHARACTERS_MAX:
        async with context.reading() as connection:
            stored = await find_key(connection, key)
        if stored is not None:
            return _noted(request, principal_of(stored))
    raise _unauthorized("the API key is not known or was revoked")


async def authenticate(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
    cookie: Annotated[str | None, Depends(_cookie)] = None,
) -> Principal:
    """Return the caller. Raises Problem 401 without a key or session in force, 403 for one that may not act yet."""
    caller = await identify(request, bearer, header, cookie)
    missing = missing_of(caller, context_of(request).sign_in.limits)
    if missing == "password":
        raise Problem(
            403,
            "password-change-required",
            "the password was given out for one log-in",
            remedy="choose a password of your own: POST /api/v1/session/password",
        )
    if missing == "second_factor":
        raise Problem(
            403,
            "second-factor-required",
            f"role {caller.role} needs a second factor here",
            remedy="enrol one: POST /api/v1/session/second-factor, then …/confirm",
        )
    return caller


def _noted(request: Request, caller: Principal) -> Principal:
    note_caller(request, caller.label, caller.kind)
    return caller


def missing_of(caller: Principal, limits: SignInLimits) -> Literal["password", "second_factor"] | None:
    """Return what a logged-in person has to do before anything else, None for nothing."""
    session = caller.session
    if session is None:
        return None
    if session.must_change_password:
        return "password"
    # Who logs in through a provider has the second factor there.
    if session.has_password and not session.has_second_factor and session.role in limits.second_factor_roles:
        return "second_factor"
    return None


async def _by_session(request: Request, cookie: str) -> Principal:
    context = context_of(request)
    now, limits = to_datetime(context.clock()), context.sign_in.limits
    if len(cookie) <= KEY_CHARACTERS_MAX:
        async with context.reading() as connection:
            session = await find_session(connection, cookie, now, now - limits.idle)
            if session is not None:
                await note_seen(connection, [session], now, limits.noted_every)
        if session is not None:
            if request.method not in SAFE_METHODS and not is_own(request, context.sign_in.public_url):
                raise Problem(
                    403,
                    "cross-site",
                    "a request by a session that changes something has to come from Lifeline's own page",
                    remedy="send it from there, with an `Origin` header of this address, or use an API key",
                )
            return _noted(request, principal_of_session(session))
    raise _unauthorized("the session is not known or has ended")


def allowed(roles: frozenset[Role]) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency that gives the caller and raises Problem 403 for roles other than these."""

    async def check(caller: Annotated[Principal, Depends(authenticate)]) -> Principal:
        if caller.role not in roles:
            raise Problem(
                403,
                "forbidden",
                f"role {caller.role} may not do this",
                remedy=f"use a key with one of the roles {', '.join(sorted(roles))}",
            )
        return caller

    return check


def check_city(caller: Principal, city: str | None) -> None:
    """Raise Problem 403 where the caller asks by name for a city of which nothing is within the areas."""
    if city is not None and not touches(caller.areas, city):
        raise Problem(
            403,
            "forbidden",
            f"city {city!r} is not within the areas of this key",
            field="city",
            remedy=f"leave the filter out, or ask for one of {', '.join(touched_cities(caller.areas)) or 'none'}",
        )


def check_whole_city(caller: Principal, city: str) -> None:
    """Raise Problem 403 where what is of a city as a whole is asked for and not all of it is within the areas."""
    check_city(caller, city)
    if not caller.sees(city):
        raise Problem(
            403,
            "forbidden",
            f"this is of the whole of city {city!r}, and the areas of this key are districts of it",
            field="city",
            remedy=f"ask somebody whose areas hold {city}",
        )


async def principals_in_force(context: ApiContext, key_hashes: set[bytes]) -> dict[bytes, Principal]:
    """Return the callers, by hash, whose keys or sessions are still in force: for streams, which outlive their check.

    An open stream is use of its session.
    """
    now, limits = to_datetime(context.clock()), context.sign_in.limits
    async with asyncio.timeout(context.limits.statement_s_max):
        keys = await find_keys(context.pool, key_hashes)
        sessions = await find_sessions(context.pool, key_hashes - keys.keys(), now, now - limits.idle)
        await note_seen(context.pool, sessions.values(), now, limits.noted_every)
    found = {key_hash: principal_of(stored) for key_hash, stored in keys.items()}
    return found | {key_hash: principal_of_session(stored) for key_hash, stored in sessions.items()}


def _unauthorized(detail: str) -> Problem:
    return Problem(
        401,
        "unauthorized",
        detail,
        remedy="send a key as `Authorization: Bearer lk_…` or `X-API-Key: lk_…`, which `lifeline keys create` makes, or"
        " log in: POST /api/v1/session",
        headers={"WWW-Authenticate": 'Bearer realm="lifeline"'},
    )


Reader = Annotated[Principal, Depends(allowed(READERS))]
Acknowledger = Annotated[Principal, Depends(allowed(ACKNOWLEDGERS))]
AtDesk = Annotated[Principal, Depends(allowed(DESK))]
SiteWorker = Annotated[Principal, Depends(allowed(SITE_WORKERS))]
TakesOutOfService = Annotated[Principal, Depends(allowed(OUT_OF_SERVICE_TAKERS))]
SecurityAdministrator = Annotated[Principal, Depends(allowed(frozenset({Role.SECURITY_ADMINISTRATOR})))]
QuarantineReader = Annotated[Principal, Depends(allowed(QUARANTINE_READERS))]
