"""Who may do what: API keys, roles and areas. The areas go into the SQL of every query (invariant I10)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.context import ApiContext, context_of
from app.api.problems import Problem
from store.keys import StoredKey, find_key, find_keys

KEY_CHARACTERS_MAX = 200


class Role(StrEnum):
    """The roles; the three administrators are kept apart from operation and from one another."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    FIELD = "field"
    ENGINEER = "engineer"
    SUPERVISOR = "supervisor"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDITOR = "auditor"


ROLES = tuple(role.value for role in Role)
READERS = frozenset(Role) - {Role.SECURITY_ADMINISTRATOR}  # who hands out keys need not see what they open
ACKNOWLEDGERS = frozenset({Role.OPERATOR, Role.FIELD, Role.SUPERVISOR})
DESK = frozenset({Role.OPERATOR, Role.SUPERVISOR})
SITE_WORKERS = frozenset({Role.OPERATOR, Role.FIELD, Role.ENGINEER, Role.SUPERVISOR})
OUT_OF_SERVICE_TAKERS = frozenset({Role.ENGINEER, Role.SUPERVISOR})
QUARANTINE_READERS = READERS - {Role.VIEWER, Role.FIELD}  # raw messages may hold anything


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: the label of the key (the actor in the journal), its role and areas (cities, or `*` for all)."""

    label: str
    role: str
    areas: tuple[str, ...]
    key_hash: bytes

    def sees(self, city: str) -> bool:
        """Whether the city is within the areas."""
        return "*" in self.areas or city in self.areas


def principal_of(stored: StoredKey) -> Principal:
    """Return whom a stored key stands for."""
    return Principal(stored.label, stored.role, stored.areas, stored.key_hash)


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="An API key")


async def authenticate(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> Principal:
    """Return the caller. Raises Problem 401 without a key in force."""
    key = bearer.credentials if bearer is not None else header
    if not key:
        raise _unauthorized("the request has no API key")
    context = context_of(request)
    if len(key) <= KEY_CHARACTERS_MAX:
        async with context.reading() as connection:
            stored = await find_key(connection, key)
        if stored is not None:
            return principal_of(stored)
    raise _unauthorized("the API key is not known or was revoked")


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
    """Raise Problem 403 where the caller asks by name for a city outside the areas."""
    if city is not None and not caller.sees(city):
        raise Problem(
            403,
            "forbidden",
            f"city {city!r} is not within the areas of this key",
            field="city",
            remedy=f"leave the filter out, or ask for one of {', '.join(caller.areas) or 'none'}",
        )


async def principals_in_force(context: ApiContext, key_hashes: set[bytes]) -> dict[bytes, Principal]:
    """Return the callers, by key, whose keys are still in force: for streams that outlive the check at their start."""
    async with asyncio.timeout(context.limits.statement_s_max):
        found = await find_keys(context.pool, key_hashes)
    return {key_hash: principal_of(stored) for key_hash, stored in found.items()}


def _unauthorized(detail: str) -> Problem:
    return Problem(
        401,
        "unauthorized",
        detail,
        remedy="send a key as `Authorization: Bearer lk_…` or `X-API-Key: lk_…`; `lifeline keys create` makes one",
        headers={"WWW-Authenticate": 'Bearer realm="lifeline"'},
    )


Reader = Annotated[Principal, Depends(allowed(READERS))]
Acknowledger = Annotated[Principal, Depends(allowed(ACKNOWLEDGERS))]
AtDesk = Annotated[Principal, Depends(allowed(DESK))]
SiteWorker = Annotated[Principal, Depends(allowed(SITE_WORKERS))]
TakesOutOfService = Annotated[Principal, Depends(allowed(OUT_OF_SERVICE_TAKERS))]
QuarantineReader = Annotated[Principal, Depends(allowed(QUARANTINE_READERS))]
