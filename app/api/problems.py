"""Errors as RFC 9457 problem details that name the field and the remedy."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.api.language import language_of, problem_in_chinese
from store.pool import TRANSIENT_ERRORS

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)

KINDS = {
    "invalid-request": "The request is not valid",
    "unauthorized": "No key in force",
    "forbidden": "Not allowed",
    "code-required": "A code of the second factor is needed",
    "password-change-required": "The password has to be changed first",
    "second-factor-required": "A second factor has to be enrolled first",
    "cross-site": "Another site may have sent this",
    "too-many-attempts": "Too many attempts",
    "not-found": "Not found",
    "cursor-too-old": "What changed since is not told any more",
    "method-not-allowed": "Method not allowed",
    "request-too-large": "The request is too large",
    "too-many-rows": "The answer would be too large",
    "conflict": "The present state does not allow this",
    "too-many-streams": "Too many open streams",
    "too-many-exports": "Too many exports under way",
    "not-supported": "Not supported",
    "busy": "Busy",
    "statement-timeout": "The database took too long",
    "database-unavailable": "The database does not answer",
    "internal-error": "Internal error",
}
"""What a problem's `type` ends in, and its title. The page /docs lists them."""


class ProblemDetails(BaseModel):
    """An RFC 9457 problem."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/docs#invalid-request"])
    title: str = Field(examples=[KINDS["invalid-request"]])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["limit: Input should be less than or equal to 1000"])
    field: str | None = Field(default=None, description="The parameter or field of the body", examples=["limit"])
    remedy: str | None = Field(default=None, description="What to do", examples=["correct `limit` and try again"])


class Problem(HTTPException):
    """An answer that is an error; `facts` are further members of its body."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        field: str | None = None,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.kind = kind
        self.body = {"type": f"/docs#{kind}", "title": KINDS[kind], "status": status, "detail": detail}
        if field is not None:
            self.body["field"] = field
        if remedy is not None:
            self.body["remedy"] = remedy
        self.body.update(facts)


def not_found(what: str, name: str) -> Problem:
    """Return the problem for a thing that is not there, or not within the caller's areas: the two look the same."""
    return Problem(
        404, "not-found", f"{what} {name!r} does not exist or is outside your areas", remedy="check the id and the key"
    )


def invalid(field: str, detail: str, remedy: str) -> Problem:
    """Return the problem for a parameter or field that cannot be used."""
    return Problem(422, "invalid-request", f"{field}: {detail}", field=field, remedy=remedy)


def answer(problem: Problem, accept_language: str | None) -> Response:
    """Return the response of a problem, in the language that the caller's Accept-Language prefers."""
    body, languages = problem.body, "en"
    if language_of(accept_language) == "zh":
        body, whole = problem_in_chinese(body)
        languages = "zh" if whole else "zh, en"
    headers = {**(problem.headers or {}), "Content-Language": languages, "Vary": "Accept-Language"}
    return JSONResponse(body, problem.status_code, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Turn every error of the application and the framework into a problem."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    for kind in TRANSIENT_ERRORS:
        app.add_exception_handler(kind, _database_error)  # type: ignore[arg-type]
    app.add_exception_handler(asyncpg.QueryCanceledError, _statement_canceled)
    app.add_exception_handler(Exception, _internal_error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return _answer(request, error)
    kind = {404: "not-found", 405: "method-not-allowed", 413: "request-too-large"}.get(error.status_code)
    if kind is None:
        kind = "invalid-request" if error.status_code < 500 else "internal-error"
    detail = str(error.detail or HTTPStatus(error.status_code).phrase)
    remedy = {404: "see /docs for the paths", 405: "see /docs for the methods"}.get(error.status_code)
    return _answer(request, Problem(error.status_code, kind, detail, remedy=remedy, headers=error.headers))


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"field": _field_of(item["loc"]), "detail": _sentence(item)} for item in error.errors()[:20]]
    first = errors[0]
    remedy = f"correct `{first['field']}` and try again; see /docs"
    if error.errors()[0]["type"] == "extra_forbidden":
        remedy = f"leave out `{first['field']}` or correct its name; see /docs"
    elif error.errors()[0]["type"] == "missing":
        body = first["field"] == "body"
        remedy = "send a JSON body, {} where there is nothing to say" if body else f"add `{first['field']}`; see /docs"
    return _answer(
        request,
        Problem(
            422,
            "invalid-request",
            f"{first['field']}: {first['detail']}",
            field=first["field"],
            remedy=remedy,
            errors=errors,
        ),
    )


async def _database_error(request: Request, error: Exception) -> Response:
    log.warning("the database does not answer a request: %r", error)
    return _answer(
        request,
        Problem(
            503,
            "database-unavailable",
            "the database does not answer",
            remedy="try again in a few seconds; /readyz says more",
            headers={"Retry-After": "2"},
        ),
    )


async def _statement_canceled(request: Request, _: Exception) -> Response:
    return _answer(request, Problem(504, "statement-timeout", KINDS["statement-timeout"], remedy="ask for less"))


async def _internal_error(request: Request, error: Exception) -> Response:
    return _answer(
        request,
        Problem(500, "internal-error", "something went wrong here", remedy="tell the operators of this Lifeline"),
    )


def _answer(request: Request, problem: Problem) -> Response:
    return answer(problem, request.headers.get("accept-language"))


def _field_of(location: tuple[Any, ...]) -> str:
    # A part with a bracket is no field: pydantic names so which side of a union it tried, as `literal['a','b']`.
    named = [str(part) for part in location[1:] if "[" not in str(part)] or [str(location[0])]
    return ".".join(named)


def _sentence(item: Any) -> str:
    return str(item["msg"]).removeprefix("Value error, ")
