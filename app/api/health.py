"""Whether the service lives, and whether it is ready."""

import asyncio

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.api.context import VERSION, ApiContext, context_of
from app.feeds import JournalFeed
from store.pool import TRANSIENT_ERRORS
from store.status import Progress, read_progress

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process lives."""

    status: str = Field(examples=["alive"])
    version: str = Field(examples=[VERSION])


class Readiness(BaseModel):
    """Whether all parts work; `reasons` says what does not."""

    ready: bool
    reasons: list[str] = Field(examples=[[]])


@router.get("/healthz", response_model=Health, summary="Does the process live")
async def healthz() -> Health:
    """Answer as long as the process does."""
    return Health(status="alive", version=VERSION)


@router.get("/readyz", response_model=Readiness, summary="Is the service ready", responses={503: {"model": Readiness}})
async def readyz(request: Request, response: Response) -> Readiness:
    """Return 200 when ready and 503 with the reasons when not."""
    context = context_of(request)
    feed: JournalFeed = request.app.state.feed
    reasons = list(context.readiness())
    if await _progress(context) is None:
        reasons.append("the database does not answer")
    elif not feed.listening:
        reasons.append("the feed does not follow the journal yet")
    if context.stop.is_set():
        reasons.append("the service is stopping")
    response.status_code = 503 if reasons else 200
    return Readiness(ready=not reasons, reasons=reasons)


async def _progress(context: ApiContext) -> Progress | None:
    try:
        async with asyncio.timeout(context.limits.connection_wait_s_max):
            return await read_progress(context.pool)
    except TRANSIENT_ERRORS:
        return None
