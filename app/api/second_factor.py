"""One's own second factor: enrolled, confirmed, removed."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.api.context import context_of
from app.api.problems import Problem, invalid
from app.api.sign_in import TOO_MANY, Caller, CodeText, OwnPassword, address_of, as_problems, own_session
from app.sign_in.second_factor import enrolment_uri, hash_recovery_code, matching_step, new_recovery_codes, new_secret
from app.sign_in.signing_in import confirm_code, confirm_password
from model.audit import Action
from store.audit import record
from store.users import begin_second_factor, confirm_second_factor, find_credentials, remove_second_factor

router = APIRouter(prefix="/session/second-factor", tags=["session"])


class CodeBody(BaseModel):
    """A code that the authenticator app shows."""

    model_config = ConfigDict(extra="forbid")

    code: CodeText = Field(examples=["492039"])


class Enrolment(BaseModel):
    """A secret that is not yet in force."""

    secret: str = Field(description="base32, for typing")
    uri: str = Field(description="`otpauth://…`, for a QR code")


class RecoveryCodes(BaseModel):
    """Codes that stand for the second factor once each; shown now and never again."""

    recovery_codes: list[str]


@router.post("", response_model=Enrolment, status_code=201, summary="Enrol a second factor",
             responses=TOO_MANY)  # fmt: skip
async def enrol(request: Request, caller: Caller, body: OwnPassword) -> dict[str, Any]:
    """Return a secret for an authenticator app (TOTP, RFC 6238); it is in force once it is confirmed with a code."""
    context, session = context_of(request), own_session(caller)
    with as_problems(context, "password"):
        user = await confirm_password(context, name=session.name, password=body.password, address=address_of(request))
    secret = new_secret()
    async with context.reading() as connection:
        if not await begin_second_factor(connection, user.name, secret):
            raise Problem(409, "conflict", "a second factor is in force", remedy="remove it first: DELETE on this path")
    return {"secret": secret, "uri": enrolment_uri(secret, user.name)}


@router.post("/confirm", response_model=RecoveryCodes, summary="Put the second factor in force")
async def confirm(request: Request, caller: Caller, body: CodeBody) -> dict[str, Any]:
    """Put the enrolled second factor in force, and return the recovery codes."""
    context, session = context_of(request), own_session(caller)
    limits, now = context.sign_in.limits, context.clock()
    async with context.reading() as connection, connection.transaction():
        user = await find_credentials(connection, session.name)
        if user is None or user.totp_pending is None:
            raise Problem(409, "conflict", "no second factor waits for a code", remedy="enrol one first")
        step = matching_step(user.totp_pending, body.code, now, limits.code_steps_off_max)
        if step is None:
            raise invalid("code", "does not fit", "type the code that the app shows now; check the telephone's clock")
        codes = new_recovery_codes(limits.recovery_codes)
        hashes = [hash_recovery_code(code) for code in codes]
        if not await confirm_second_factor(connection, user.name, user.totp_pending, step, hashes):
            raise Problem(409, "conflict", "it was confirmed meanwhile", remedy="log in again")
        await record(connection, actor=user.name, action=Action.SECOND_FACTOR_ENROLLED, subject=user.name)
    return {"recovery_codes": codes}


@router.delete("", status_code=204, summary="Remove one's own second factor", responses=TOO_MANY)
async def remove(
    request: Request,
    caller: Caller,
    code: Annotated[CodeText, Header(alias="Second-Factor-Code", description="A code, or a recovery code")],
) -> Response:
    """Remove the second factor; the code that it takes is used up."""
    context, session = context_of(request), own_session(caller)
    if not session.has_second_factor:
        raise Problem(409, "conflict", "no second factor is in force", remedy="nothing has to be done")
    with as_problems(context, "Second-Factor-Code"):
        user = await confirm_code(context, name=session.name, code=code, address=address_of(request))
    async with context.reading() as connection, connection.transaction():
        await remove_second_factor(connection, user.name)
        await record(connection, actor=user.name, action=Action.SECOND_FACTOR_REMOVED, subject=user.name)
    return Response(status_code=204)
