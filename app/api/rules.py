"""Rules in force, with their versions."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts.rules import Pack, Rule
from alerts.words import Selector
from app.access import Principal, Reader
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    Word,
    decode_number_cursor,
    page_limit,
    page_of,
    written,
)
from app.api.problems import not_found
from model.area import touched_cities, touches
from store.rule_packs import activations_in_force, pack_versions
from store.sensor_search import sensors_within

router = APIRouter(tags=["rules"])


class RuleItem(BaseModel):
    """A rule as its file has it, with `rule_version` as journal lines name it."""

    model_config = ConfigDict(extra="allow")

    rule: str = Field(examples=["combustible-gas"])
    rule_version: str = Field(examples=["3f9a1c0b77de"])


class PackItem(BaseModel):
    """A rule pack in force; `version` is the hash of its content."""

    pack: str = Field(examples=["gas"])
    version: str
    activated_at: TimeText
    activated_by: str
    approved_by: str | None = Field(description="null where no second person had to")
    description: dict[str, str]
    rules: list[RuleItem]


class Packs(BaseModel):
    """The packs in force by name."""

    packs: list[PackItem]


class PackVersionItem(BaseModel):
    """A version of a pack and how it came into force. A version may have come into force several times."""

    activation: int = Field(description="Its number among the activations of all packs")
    version: str = Field(examples=["3f9a1c0b77de"])
    activated_at: TimeText
    activated_by: str
    approved_by: str | None = Field(description="null where no second person had to")
    in_force: bool
    trial: dict[str, Any] | None = Field(
        description="What it would have changed over the history, as it was shown before, in the form of"
        " /rules/backtest; `not_shown` says why nothing was. null where nothing was tried, and to who is bound to areas"
    )


class PackVersions(BaseModel):
    """A page of a pack's versions, newest first."""

    versions: list[PackVersionItem]
    next: str | None = Field(description="`after` of the next page; null on the last")


class VersionPage(Parameters):
    """Which page."""

    limit: PageRows = None
    after: Cursor | None = None


@router.get("/rules", response_model=Packs, summary="Rules in force")
async def list_rules(request: Request, caller: Reader) -> dict[str, Any]:
    """List the rule packs in force; what concerns cities or sensors outside the caller's areas is left out."""
    async with context_of(request).reading() as connection:
        stored = await activations_in_force(connection)
        packs = [(Pack.model_validate_json(activation.pack.content), activation) for activation in stored]
        named = _sensors_named(rule for pack, _ in packs for rule in pack.rules)
        visible = await sensors_within(connection, named, caller.areas) if named else set()
    return {
        "packs": [
            {
                "pack": pack.pack,
                "version": activation.pack.version,
                "activated_at": written(activation.activated_at),
                "activated_by": activation.activated_by,
                "approved_by": activation.approved_by,
                "description": pack.description.model_dump(),
                "rules": [
                    _rule_item(rule, caller, visible) for rule in pack.rules if _seen(rule.select, caller, visible)
                ],
            }
            for pack, activation in packs
        ]
    }


@router.get("/rules/{pack}/versions", response_model=PackVersions, summary="What was in force, and its trials")
async def list_pack_versions(
    request: Request,
    caller: Reader,
    pack: Annotated[Word, Path(examples=["gas"])],
    filters: Annotated[VersionPage, Query()],
) -> dict[str, Any]:
    """List the versions of a pack, newest first, each with what was shown of it before it came into force."""
    context = context_of(request)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    before = decode_number_cursor(filters.after)
    async with context.reading() as connection:
        rows = await pack_versions(connection, pack, caller.areas, rows_max + 1, before)
    if not rows and before is None:
        raise not_found("rule pack", pack)
    page, following = page_of(rows, rows_max, lambda row: (row.activation,))
    items = [row._asdict() | {"activated_at": written(row.activated_at)} for row in page]
    return {"versions": items, "next": following}


def _sensors_named(rules: Any) -> Sequence[str]:
    selectors = [s for rule in rules for s in (rule.select, *(override.select for override in rule.overrides))]
    return [selector.sensor for selector in selectors if selector.sensor is not None]


def _seen(selector: Selector, caller: Principal, visible: set[str]) -> bool:
    cities = touched_cities(caller.areas) if selector.city is None else [selector.city]
    district = selector.district
    if not any(caller.sees(city, district) if district else touches(caller.areas, city) for city in cities):
        return False
    return selector.sensor is None or caller.sees_everything or selector.sensor in visible


def _rule_item(rule: Rule, caller: Principal, visible: set[str]) -> dict[str, Any]:
    seen = [override for override in rule.overrides if _seen(override.select, caller, visible)]
    item = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    item["overrides"] = [override.model_dump(mode="json", by_alias=True, exclude_none=True) for override in seen]
    return item | {"rule_version": rule.version}
