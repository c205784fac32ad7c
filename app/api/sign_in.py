"""Log-in of people: their session, their own password, and who the caller is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import JSONResponse, Response

from app.access import COOKIE, Principal, identify, missing_of, principal_of_session
from app.api.context import ApiContext, context_of
from app.api.lines import TimeText
from app.api.parameters import written_or_none
from app.api.problems import MEDIA_TYPE, Problem, invalid
from app.sign_in.attempts import TooManyAttempts
from app.sign_in.limits import SignInLimits
from app.sign_in.origin import is_foreign, is_secure
from app.sign_in.passwords import HashingBusy, WeakPassword, check_password, hash_off_loop
from app.sign_in.signing_in import CodeMissing, Refused, confirm_password, sign_in
from model.audit import Action
from model.instant import to_datetime, to_milliseconds
from store.audit import record
from store.sessions import StoredSession, close_session, close_sessions, find_session
from store.users import set_password

router = APIRouter(prefix="/session", tags=["session"])
Caller = Annotated[Principal, Depends(identify)]
PasswordText = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
CodeText = Annotated[str, StringConstraints(min_length=1, max_length=40)]
TOO_MANY: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "Too many failed attempts; `Retry-After` says how long to wait",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
}


class LogIn(BaseModel):
    """Who logs in."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(examples=["li.wei"])
    password: PasswordText = Field(examples=["seven bridges of Jiayuguan"])
    code: CodeText | None = Field(
        default=None, description="Of the second factor, or a recovery code", examples=["492039"]
    )


class OwnPassword(BaseModel):
    """The caller's password, typed again."""

    model_config = ConfigDict(extra="forbid")

    password: PasswordText


class NewPassword(OwnPassword):
    """The caller's password, and the one to take its place."""

    new_password: PasswordText


class Me(BaseModel):
    """Who the caller is, and what is to be done before anything else."""

    name: str = Field(description="The actor in the journal")
    kind: Literal["key", "user"]
    display_name: str
    role: str
    areas: list[str]
    second_factor: bool
    must: Literal["password", "second_factor"] | None = Field(
        description="`password`: change it; `second_factor`: enrol one; until then all else answers 403"
    )
    ends_at: TimeText | None = Field(description="When the session ends at the latest; null for a key")


@router.post("", response_model=Me, status_code=201, summary="Log in", responses=TOO_MANY)
async def log_in(request: Request, body: LogIn) -> Response:
    """Open a session; the cookie that comes with the answer stands for it.

    Answers 401 in the same words whether the name, the password or the code is wrong or the user disabled; where the
    password is right and a code is needed, `second-factor-required`.
    """
    context = context_of(request)
    if is_foreign(request, context.sign_in.public_url):
        raise Problem(403, "cross-site", "another site may not log in here", remedy="open Lifeline's own page")
    with as_problems(context):
        opened = await sign_in(
            context, name=body.name, password=body.password, code=body.code, address=address_of(request)
        )
    now, limits = to_datetime(context.clock()), context.sign_in.limits
    async with context.reading() as connection:
        session = await find_session(connection, opened.token, now, now - limits.idle)
    if session is None:
        raise _refused()  # disabled in this very moment
    answer = JSONResponse(_me(principal_of_session(session), limits), 201)
    set_session_cookie(request, answer, opened.token, limits)
    return answer


@router.get("", response_model=Me, summary="Who am I")
async def who_am_i(request: Request, caller: Caller) -> dict[str, Any]:
    """Return the caller's name, role and areas, by session or key."""
    return _me(caller, context_of(request).sign_in.limits)


@router.delete("", status_code=204, summary="Log off")
async def log_off(request: Request, caller: Caller) -> Response:
    """End this session, at once."""
    session = own_session(caller)
    async with context_of(request).reading() as connection, connection.transaction():
        await close_session(connection, session.token_hash)
        await record(connection, actor=session.name, action=Action.LOG_OFF, subject=session.name)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


@router.post("/password", status_code=204, summary="Change one's own password", responses=TOO_MANY)
async def change_password(request: Request, caller: Caller, body: NewPassword) -> Response:
    """Change the password; the user's other sessions end."""
    context, session = context_of(request), own_session(caller)
    try:
        check_password(body.new_password, session.name, context.sign_in.limits)
    except WeakPassword as error:
        remedy = "choose another, such as four words that nobody else puts together"
        raise invalid("new_password", str(error), remedy) from None
    if body.new_password == body.password:
        raise invalid("new_password", "is the one that you have", "choose another")
    with as_problems(context, "password"):
        user = await confirm_password(context, name=session.name, password=body.password, address=address_of(request))
        password_hash = await hash_off_loop(context.sign_in, body.new_password)
    async with context.reading() as connection, connection.transaction():
        if not await set_password(connection, user.name, password_hash, must_change=False, was=user.password_hash):
            raise _refused()
        await close_sessions(connection, user.name, but=session.token_hash)
        await record(connection, actor=user.name, action=Action.PASSWORD_CHANGED, subject=user.name)
    return Response(status_code=204)


def own_session(caller: Principal) -> StoredSession:
    """Return the caller's session. Raises Problem 409 for an API key, which has none."""
    if caller.session is None:
        raise Problem(409, "conflict", "an API key has no session", remedy="log in with name and password")
    return caller.session


def address_of(request: Request) -> str | None:
    """Return where a request came from; through a proxy only where uvicorn trusts that one's word."""
    return None if request.client is None else request.client.host


@contextmanager
def as_problems(context: ApiContext, field: str | None = None) -> Iterator[None]:
    """Turn the refusals of `app.sign_in` into problems; `field` is what a logged-in user has to prove again."""
    try:
        yield
    except TooManyAttempts as error:
        wait_s = max(1, -(-(to_milliseconds(error.until) - context.clock()) // 1000))
        raise Problem(
            429,
            "too-many-attempts",
            f"too many failed attempts of this {error.kind}; wait {wait_s} s",
            remedy="wait; where somebody else was guessing, tell the security administrator, who can end the wait",
            headers={"Retry-After": str(wait_s)},
        ) from None
    except CodeMissing:
        raise Problem(
            401, "code-required", "a code of the second factor is needed", field="code",
            remedy="send the code that the authenticator app shows, or a recovery code, as `code`",
        ) from None  # fmt: skip
    except Refused:
        if field is not None:
            raise invalid(field, "is wrong", "type it again") from None
        raise _refused() from None
    except HashingBusy:
        raise Problem(
            503, "busy", "too many log-ins at this moment", remedy="try again in a few seconds",
            headers={"Retry-After": "2"},
        ) from None  # fmt: skip


def _refused() -> Problem:
    return Problem(
        401,
        "unauthorized",
        "name, password or code is wrong, or the user is disabled",
        remedy="try again, or ask the security administrator for a new password",
    )


def _me(caller: Principal, limits: SignInLimits) -> dict[str, Any]:
    session = caller.session
    return {
        "name": caller.label,
        "kind": caller.kind,
        "display_name": "" if session is None else session.display_name,
        "role": caller.role,
        "areas": list(caller.areas),
        "second_factor": session is not None and session.has_second_factor,
        "must": missing_of(caller, limits),
        "ends_at": written_or_none(None if session is None else session.ends_at),
    }


def set_session_cookie(request: Request, answer: Response, token: str, limits: SignInLimits) -> None:
    """Let the browser keep the session, out of the reach of scripts and other sites."""
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(limits.session_hours_max * 3_600),
        path="/",
        secure=is_secure(request, context_of(request).sign_in.public_url),
        httponly=True,
        samesite="strict",
    )
