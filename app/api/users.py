"""Users, for the security administrator: made, changed, disabled, let in again."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.access import Principal, SecurityAdministrator
from app.api.bodies import Visible
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    decode_cursor,
    page_limit,
    page_of,
    written,
    written_or_none,
)
from app.api.problems import Problem, invalid, not_found
from app.api.sign_in import as_problems
from app.roles import Role
from app.sign_in.accounts import (
    change_account,
    create_account,
    disable_account,
    reset_password,
    reset_second_factor,
    unlock,
)
from app.sign_in.passwords import hash_off_loop, one_time_password
from model.area import InvalidArea, written_areas
from model.instant import to_datetime
from model.user import NAME_PATTERN
from store.keys import may_hand_out
from store.pool import Connection
from store.sign_in_attempts import blocked_until
from store.users import ActorTaken, LastAdministrator, StoredUser, find_user, list_users

router = APIRouter(prefix="/users", tags=["access"])
AREAS_MAX = 200


def _areas(areas: list[str]) -> list[str]:
    try:
        return written_areas(areas)
    except InvalidArea as error:
        raise ValueError(str(error)) from None


Areas = Annotated[
    list[Annotated[str, StringConstraints(max_length=200)]],
    Field(min_length=1, max_length=AREAS_MAX, description="`*`, `province:…`, cities, `city/district`",
          examples=[["jiayuguan"]]),
    AfterValidator(_areas),
]  # fmt: skip
UserName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
DisplayName = Annotated[str, StringConstraints(max_length=128, strip_whitespace=True), Visible]
AnyUser = Annotated[UserName, Path(examples=["li.wei"])]


class NewUser(BaseModel):
    """Somebody to let in."""

    model_config = ConfigDict(extra="forbid")

    name: UserName = Field(description="The actor in the journal; it is never given to another", examples=["li.wei"])
    role: Role
    areas: Areas
    display_name: DisplayName = Field(default="", examples=["李伟"])


class UserChange(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    areas: Areas | None = None
    display_name: DisplayName | None = None
    disabled: bool | None = Field(default=None, description="true ends the sessions at once")
    reset_password: bool = Field(default=False, description="Give out a password for one log-in; the sessions end")
    reset_second_factor: bool = Field(default=False, description="Where telephone and recovery codes are lost")
    unlock: bool = Field(default=False, description="Forget failed log-ins of the name")


class UserItem(BaseModel):
    """An account."""

    name: str
    display_name: str
    role: str
    areas: list[str]
    disabled: bool
    must_change_password: bool
    second_factor: bool
    created_at: TimeText
    signed_in_at: TimeText | None
    locked_until: TimeText | None = Field(description="After failed log-ins")


class UserWithPassword(UserItem):
    """An account with its password for one log-in, shown now and never again; null where none was given out."""

    one_time_password: str | None


class UserPage(BaseModel):
    """A page of accounts, by name."""

    users: list[UserItem]
    next: str | None


class UserFilters(Parameters):
    """Which page."""

    limit: PageRows = None
    after: Cursor | None = None


@router.get("", response_model=UserPage, summary="Users")
async def get_users(
    request: Request, caller: SecurityAdministrator, filters: Annotated[UserFilters, Query()]
) -> dict[str, Any]:
    """List the users whose areas all lie within the caller's."""
    context = context_of(request)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    after = None if filters.after is None else decode_cursor(filters.after, str)[0]
    async with context.reading() as connection:
        found = await list_users(connection, caller.areas, rows_max + 1, after)
        locked = await blocked_until(connection, "name", to_datetime(context.clock()))
    page, following = page_of(found, rows_max, lambda user: (user.name,))
    return {"users": [_item(user, locked) for user in page], "next": following}


@router.post("", response_model=UserWithPassword, status_code=201, summary="Make a user")
async def post_user(request: Request, caller: SecurityAdministrator, body: NewUser) -> dict[str, Any]:
    """Make a user with a password for one log-in, which is in this answer and nowhere else."""
    context = context_of(request)
    password = one_time_password()
    with as_problems(context):
        password_hash = await hash_off_loop(context.sign_in, password)
    async with context.reading() as connection, connection.transaction():
        await check_handed_out(connection, caller, body.areas)
        try:
            await create_account(
                connection, body.name, role=body.role, areas=body.areas, display_name=body.display_name,
                password_hash=password_hash, now=to_datetime(context.clock()), by=caller.label,
            )  # fmt: skip
        except ActorTaken as error:
            raise Problem(409, "conflict", str(error), field="name", remedy="choose another name") from None
        user = await _found(connection, body.name, caller)
    return _item(user, {}) | {"one_time_password": password}


@router.patch("/{user}", response_model=UserWithPassword, summary="Change a user")
async def patch_user(
    request: Request, caller: SecurityAdministrator, user: AnyUser, body: UserChange
) -> dict[str, Any]:
    """Change a user, at once: the next request goes by it. Nobody changes their own role or areas."""
    context = context_of(request)
    now, by = to_datetime(context.clock()), caller.label
    if user == caller.label and (body.role is not None or body.areas is not None):
        field = "role" if body.role is not None else "areas"
        raise Problem(403, "forbidden", f"nobody changes their own {field}", field=field,
                      remedy="ask another security administrator")  # fmt: skip
    password = one_time_password() if body.reset_password else None
    with as_problems(context):
        password_hash = None if password is None else await hash_off_loop(context.sign_in, password)
    async with context.reading() as connection, connection.transaction():
        await _found(connection, user, caller)
        if body.areas is not None:
            await check_handed_out(connection, caller, body.areas)
        try:
            if body.role is not None or body.areas is not None or body.display_name is not None:
                await change_account(connection, user, now, by=by, role=body.role, areas=body.areas,
                                     display_name=body.display_name)  # fmt: skip
            if body.disabled is not None:
                await disable_account(connection, user, now, disabled=body.disabled, by=by)
        except LastAdministrator as error:
            raise Problem(409, "conflict", str(error), remedy="make another security administrator first") from None
        if password_hash is not None:
            await reset_password(connection, user, password_hash, by=by)
        if body.reset_second_factor:
            await reset_second_factor(connection, user, by=by)
        if body.unlock:
            await unlock(connection, user, by=by)
        changed = await _found(connection, user, caller)
        locked = await blocked_until(connection, "name", now)
    return _item(changed, locked) | {"one_time_password": password}


async def check_handed_out(connection: Connection, caller: Principal, areas: list[str]) -> None:
    """Raise Problem where somebody would be given areas that the caller has not."""
    if not await may_hand_out(connection, caller.areas, areas):
        raise invalid("areas", "hold more than your own do", f"name some of {', '.join(caller.areas)}")


async def _found(connection: Connection, name: str, caller: Principal) -> StoredUser:
    user = await find_user(connection, name, caller.areas)
    if user is None:
        raise not_found("user", name)
    return user


def _item(user: StoredUser, locked: dict[str, datetime]) -> dict[str, Any]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role,
        "areas": list(user.areas),
        "disabled": user.disabled_at is not None,
        "must_change_password": user.must_change_password,
        "second_factor": user.has_second_factor,
        "created_at": written(user.created_at),
        "signed_in_at": written_or_none(user.signed_in_at),
        "locked_until": written_or_none(locked.get(user.name.lower())),
    }
