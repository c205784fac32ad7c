"""OGC SensorThings API 1.1, read access, below /sensorthings/v1.1: one route for all resources, because OData's
addresses are no templates, and its answers in the standard's own form."""

import base64
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import asyncpg
import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.routing import APIRoute

from app.access import Reader
from app.api.context import context_of, own_address
from app.api.modes import MODES, REAL_AND_TEST
from app.api.problems import Problem, not_found
from app.api.structs import encoded
from app.sensorthings.addresses import Address, NoSuchAddress, parse_address
from app.sensorthings.answers import Answering, answer_one, answer_set
from app.sensorthings.landing import landing_page
from app.sensorthings.options import Options, asks_for_exercises, parse_options
from app.sensorthings.words import property_words
from model.expression import QueryRefused
from model.instant import to_datetime
from store.keys import PREFIX as KEY_PREFIX
from store.thing_entities import Sight

PREFIX = "/sensorthings/v1.1"
URL_CHARACTERS_MAX = 8_192  # no longer than a URL may be
FIELD_OF_MANY = frozenset({"$top", "$skip", "$count", "$orderby", "$filter", "$skiptoken", "$resultFormat"})


class KeyAsPassword(APIRoute):
    """Takes an API key as the password of basic authentication too: GIS clients know no other way to send one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the key where the other routes look for it."""
        handle = super().get_route_handler()

        async def with_key(request: Request) -> Response:
            key = _key_of_basic(request.headers.get("authorization", ""))
            if key is None:
                return await handle(request)
            headers = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
            headers.append((b"authorization", b"Bearer " + key.encode()))
            return await handle(Request({**request.scope, "headers": headers}, request.receive))

        return with_key


router = APIRouter(prefix=PREFIX, tags=["sensorthings"], route_class=KeyAsPassword)
_THINGS = {
    "@iot.nextLink": "https://lifeline.example/api/v1/sensorthings/v1.1/Things?$skiptoken=WyJHQVMtMDAwNyJd",
    "value": [
        {
            "@iot.id": "GAS-0007",
            "@iot.selfLink": "https://lifeline.example/api/v1/sensorthings/v1.1/Things('GAS-0007')",
            "name": "Valve chamber 7",
            "description": "gas in jiayuguan",
            "properties": {"city": "jiayuguan", "district": "xiongguan", "mode": "operational", "system": "gas"},
            "Datastreams@iot.navigationLink": (
                "https://lifeline.example/api/v1/sensorthings/v1.1/Things('GAS-0007')/Datastreams"
            ),
        }
    ],
}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A set as `value`, with `@iot.count` and `@iot.nextLink`; an entity; or a property",
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": _THINGS},
            "text/plain": {"schema": {"type": "string", "description": "Of $value"}},
        },
    },
    204: {"description": "$value of a property that has none"},
    400: {"$ref": "#/components/responses/Problem"},
    501: {"$ref": "#/components/responses/Problem"},
}
_LANDING: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": landing_page("https://lifeline.example/api/v1" + PREFIX)}}}
}


@router.get("", summary="SensorThings: the sets, and what is supported", responses=_LANDING)
async def get_root(request: Request, caller: Reader) -> dict[str, Any]:
    """Return where the sets of entities are and which requirements of OGC SensorThings 1.1 are met."""
    return landing_page(_root(request))


@router.get("/{resource:path}", summary="SensorThings: entities", response_class=Response, responses=_ANSWER)
async def get_resource(
    request: Request,
    caller: Reader,
    resource: Annotated[
        str, Path(max_length=URL_CHARACTERS_MAX, examples=["Things", "Datastreams('GAS-0007')/Observations"])
    ],
    # Read from the request itself, in which names are checked and given once; here for the description.
    top: Annotated[
        str | None, Query(alias="$top", max_length=URL_CHARACTERS_MAX, description="Entities a page", examples=["100"])
    ] = None,
    skip: Annotated[
        str | None,
        Query(alias="$skip", max_length=URL_CHARACTERS_MAX, description="Entities to pass over", examples=["0"]),
    ] = None,
    count: Annotated[
        str | None,
        Query(alias="$count", max_length=URL_CHARACTERS_MAX, description="`true`: how many in all", examples=["true"]),
    ] = None,
    orderby: Annotated[
        str | None, Query(alias="$orderby", max_length=URL_CHARACTERS_MAX, examples=["phenomenonTime desc"])
    ] = None,
    select: Annotated[
        str | None, Query(alias="$select", max_length=URL_CHARACTERS_MAX, examples=["name,properties"])
    ] = None,
    expand: Annotated[
        str | None, Query(alias="$expand", max_length=URL_CHARACTERS_MAX, examples=["Datastreams($top=1)"])
    ] = None,
    filter: Annotated[
        str | None, Query(alias="$filter", max_length=URL_CHARACTERS_MAX, examples=["properties/city eq 'jiayuguan'"])
    ] = None,
    result_format: Annotated[
        str | None, Query(alias="$resultFormat", max_length=URL_CHARACTERS_MAX, examples=["dataArray"])
    ] = None,
    skip_token: Annotated[
        str | None, Query(alias="$skiptoken", max_length=URL_CHARACTERS_MAX, description="Of `@iot.nextLink`")
    ] = None,
) -> Response:
    """Return entities of OGC SensorThings 1.1: Things, Locations, Datastreams, Sensors, Observations and the others.

    Exercises are left out unless an entity is named by its id, or a filter speaks of modes or of one city or id.
    """
    if resource == "":  # as some clients write the root
        return encoded(landing_page(_root(request)))
    context = context_of(request)
    try:
        address = parse_address(resource)
        options = parse_options(request.query_params.multi_items(), address.steps[-1].entity, context.limits)
        _check_options(address, options)
        root = _root(request)
        sight = Sight(
            areas=caller.areas,
            modes=MODES if _names_one(address, options) else REAL_AND_TEST,
            vocabulary=property_words(root),
            now=to_datetime(context.clock()),
        )
        async with context.reading() as connection:
            answering = Answering(connection=connection, sight=sight, root=root, limits=context.limits)
            if address.is_set:
                found = await answer_set(answering, address, options, f"{own_address(request)}{request.url.path}")
            else:
                found = await answer_one(answering, address, options)
    except NoSuchAddress:
        raise not_found("resource", resource[:200]) from None
    except QueryRefused as refused:
        raise _problem(refused) from None
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
        raise _problem(QueryRefused("$filter", f"cannot be reckoned: {error}", "use smaller values")) from None
    if found is None:
        raise not_found("resource", resource[:200])
    if address.form == "value":
        return _value(next(iter(found.values())))
    return encoded(found)


def _check_options(address: Address, options: Options) -> None:
    """Raise QueryRefused for options that say nothing about what is at the address."""
    given = set(options.texts)
    useless = given if address.attribute is not None else set() if address.is_set else given & FIELD_OF_MANY
    if address.form == "references":
        useless = given & {"$select", "$expand", "$resultFormat"}
    if useless:
        raise QueryRefused(min(useless), "is of no use here", "leave it out, or ask for the set")


def _names_one(address: Address, options: Options) -> bool:
    named = any(step.key is not None and step.entity != "ObservedProperties" for step in address.steps)
    return named or asks_for_exercises(options, address.steps[-1].entity)


def _value(value: Any) -> Response:
    if value is None:
        return Response(status_code=204)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return Response(text, media_type="text/plain; charset=utf-8")


def _problem(refused: QueryRefused) -> Problem:
    status, kind = (400, "invalid-request") if refused.supported else (501, "not-supported")
    return Problem(status, kind, f"{refused.field} {refused}", field=refused.field, remedy=refused.remedy)


def _root(request: Request) -> str:
    return f"{own_address(request)}/api/v1{PREFIX}"


def _key_of_basic(authorization: str) -> str | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")[2]
    except ValueError:
        return None
    return key if key.startswith(KEY_PREFIX) else None
