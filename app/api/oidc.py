"""Log-in through the city's own identity provider, where one is set."""

import hmac
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from app.api.context import context_of, own_address
from app.api.problems import Problem
from app.api.sign_in import set_session_cookie
from app.sign_in.known import shut_out, sign_in_known
from app.sign_in.origin import is_secure
from app.sign_in.provider import Provider, ProviderError, Unmapped, begin, read_under_way
from app.sign_in.signing_in import Refused

router = APIRouter(prefix="/session", tags=["session"])
log = logging.getLogger(__name__)
COOKIE = "lifeline_oidc"
COOKIE_S_MAX = 600  # for typing a password at the provider
PATH = "/api/v1/session/oidc"


class Ways(BaseModel):
    """How people may log in here."""

    password: bool
    oidc: bool = Field(description="Through the city's own identity provider: GET /session/oidc in a browser")


@router.get("/ways", response_model=Ways, summary="How people may log in")
async def ways(request: Request) -> dict[str, Any]:
    """Say how people may log in, so that a page can offer it."""
    return {"password": True, "oidc": context_of(request).sign_in.provider is not None}


@router.get(
    "/oidc", status_code=303, response_class=RedirectResponse, summary="Log in through the identity provider",
    responses={303: {"description": "To the provider"}},
)  # fmt: skip
async def go_to_provider(request: Request) -> Response:
    """Send the browser to the identity provider, which sends it back to `/session/oidc/callback`."""
    provider = _provider(request)
    under_way = begin()
    try:
        address = await provider.authorization_url(_redirect_uri(request), under_way)
    except ProviderError as error:
        raise _failed(error) from None
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        COOKIE, under_way.written(), max_age=COOKIE_S_MAX, path=PATH, httponly=True,
        secure=is_secure(request, context_of(request).sign_in.public_url),
        samesite="lax",  # it has to come with the browser when that comes back from another site
    )  # fmt: skip
    return answer


@router.get(
    "/oidc/callback", status_code=303, response_class=RedirectResponse, summary="Come back from there",
    responses={303: {"description": "To the first page, with a session"}},
)  # fmt: skip
async def come_back(
    request: Request,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str | None, Query(max_length=4_000)] = None,
    error: Annotated[str | None, Query(max_length=200)] = None,
    iss: Annotated[str | None, Query(max_length=1_000)] = None,
) -> Response:
    """Open a session for whom the provider names, as the mappings give role and areas; a new user is made."""
    context, provider = context_of(request), _provider(request)
    under_way = read_under_way(request.cookies.get(COOKIE, ""))
    if under_way is None or not hmac.compare_digest(under_way.state.encode(), state.encode("utf-8", "replace")):
        raise Problem(403, "cross-site", "this log-in was not begun in this browser, or too long ago", field="state",
                      remedy="begin again")  # fmt: skip
    if iss is not None and iss != provider.issuer:
        raise Problem(403, "cross-site", "another provider answers", field="iss", remedy="begin again")
    if code is None:
        raise _refused(f"the identity provider says {error or 'nothing'!r}")
    try:
        known = await provider.finish(code, _redirect_uri(request), under_way, context.clock() // 1000)
        opened = await sign_in_known(context, known)
    except ProviderError as failure:
        raise _failed(failure) from None
    except Unmapped as unmapped:
        await shut_out(context, unmapped.issuer, unmapped.subject)
        raise _refused("the identity provider knows you, and nothing gives you a role here") from None
    except Refused:
        raise _refused("your name is taken, cannot be one, or was disabled here") from None
    answer = RedirectResponse("/", 303)
    set_session_cookie(request, answer, opened.token, context.sign_in.limits)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


def _provider(request: Request) -> Provider:
    provider = context_of(request).sign_in.provider
    if provider is None:
        raise Problem(409, "conflict", "no identity provider is set here", remedy="log in with name and password")
    return provider


def _redirect_uri(request: Request) -> str:
    return f"{own_address(request)}{PATH}/callback"


def _refused(detail: str) -> Problem:
    return Problem(403, "forbidden", detail, remedy="ask the security administrator")


def _failed(error: ProviderError) -> Problem:
    log.warning("log-in through the identity provider failed: %s", error)
    return Problem(
        503, "busy", "the identity provider did not answer as it has to", headers={"Retry-After": "10"},
        remedy="try again; log in with name and password where it stays so, and tell the operators of this Lifeline",
    )  # fmt: skip
