"""What is kept for how long."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.access import Reader
from app.api.context import context_of
from store.capabilities import read_versions
from store.chunks import read_chunk_policy
from store.retention import RECORD_CLASSES, read_record_days, read_retention
from store.summaries import summary_kind

router = APIRouter(tags=["retention"])


class Kept(BaseModel):
    """For how many days of their own time a property's readings and summaries are kept; null for ever."""

    property: str = Field(description="`*`: all properties without an entry of their own", examples=["vibration"])
    raw_days: int | None = Field(examples=[90])
    minute_days: int | None = Field(examples=[730])
    hour_days: int | None


class RecordsKept(BaseModel):
    """For how many days a class of records is kept; null for ever. Without `days_min`, evidence: never less."""

    record_class: str = Field(alias="class", examples=["audit"])
    days: int | None = Field(examples=[400])
    days_default: int | None = Field(description="Where nothing else is set", examples=[400])
    days_min: int | None = Field(description="The fewest that can be set", examples=[183])
    holds: str = Field(examples=["who did what"])


class RetentionPolicy(BaseModel):
    """What is kept for how long, and the chunks that readings stand in, null where the database has none."""

    policies: list[Kept]
    chunk_days: int | None = Field(description="Days that a new chunk holds", examples=[7])
    compress_after_days: int | None = Field(description="Chunks are compressed after so many days; null: never")
    summaries: Literal["continuous aggregates", "own roll-up"]
    records: list[RecordsKept]


@router.get("/retention", response_model=RetentionPolicy, summary="What is kept for how long")
async def get_retention(request: Request, caller: Reader) -> dict[str, Any]:
    """Return what `lifeline retention set` has put into force."""
    async with context_of(request).reading() as connection:
        policies = await read_retention(connection)
        chunked = (await read_versions(connection)).timescaledb is not None
        chunks = await read_chunk_policy(connection)
        kind = await summary_kind(connection)
        records = await read_record_days(connection)
    return {
        "policies": [policy._asdict() for policy in policies],
        "chunk_days": chunks.chunk_days if chunked else None,
        "compress_after_days": chunks.compress_after_days if chunked else None,
        "summaries": kind,
        "records": [RECORD_CLASSES[name]._asdict() | {"class": name, "days": days} for name, days in records.items()],
    }
