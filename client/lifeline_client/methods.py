"""Methods that a client of either form has: written once as the request they make, bound to what sends it."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import httpx

from lifeline_client.errors import IncompleteExport, ProblemError, Unavailable, Unreachable
from lifeline_client.events import Feed, Reset, Transition
from lifeline_client.requests import Lines, Request, Route
from lifeline_client.transport import AsyncTransport, SyncTransport

P = ParamSpec("P")
Result = TypeVar("Result")
SILENCE_S_MAX = 60.0  # of a stream: the service lets hear of itself four times in that


class _Method(Generic[P, Result]):
    """A method of both forms; `method` and `path` are those of the API, `build` makes the request."""

    def __init__(self, method: str, path: str, build: Callable[Concatenate[Route, P], Request[Result]]) -> None:
        self.route = Route(method, path)
        self.build = build
        self.__doc__ = build.__doc__

    def request(self, *given: P.args, **named: P.kwargs) -> Request[Result]:
        """Return the request that a call makes."""
        return self.build(self.route, *given, **named)


class Once(_Method[P, Result]):
    """Asks once and returns the answer."""

    @overload
    def __get__(self, client: SyncTransport, owner: Any = None) -> Callable[P, Result]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: Any = None) -> Callable[P, Coroutine[Any, Any, Result]]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        """Return the method bound to a client."""
        if client is None:
            return self

        def call(*given: P.args, **named: P.kwargs) -> Any:
            return client.send(self.request(*given, **named))

        call.__doc__ = self.__doc__
        return call


class _Iterating(_Method[P, Result]):
    """Yields results one by one."""

    @overload
    def __get__(self, client: SyncTransport, owner: Any = None) -> Callable[P, Iterator[Result]]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: Any = None) -> Callable[P, AsyncIterator[Result]]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        """Return the method bound to a client."""
        if client is None:
            return self

        def call(*given: P.args, **named: P.kwargs) -> Any:
            request = self.request(*given, **named)
            return self.iterate(client, request) if isinstance(client, SyncTransport) else self.follow(client, request)

        call.__doc__ = self.__doc__
        return call

    def iterate(self, client: SyncTransport, request: Request[Any]) -> Iterator[Result]:
        """Yield the results of a request."""
        raise NotImplementedError

    def follow(self, client: AsyncTransport, request: Request[Any]) -> AsyncIterator[Result]:
        """Yield the results of a request."""
        raise NotImplementedError


class Pages(_Iterating[P, Result]):
    """Yields the rows of all pages, the next page only when it is needed."""

    def __init__(
        self, method: str, path: str, build: Callable[Concatenate[Route, P], Request[Result]], rows: str
    ) -> None:
        super().__init__(method, path, build)
        self.rows = rows

    def iterate(self, client: SyncTransport, request: Request[Any]) -> Iterator[Result]:
        """Yield the rows."""
        following: Request[Any] | None = request
        while following is not None:
            page = client.send(following)
            yield from page[self.rows]
            following = _next_page(following, page)

    async def follow(self, client: AsyncTransport, request: Request[Any]) -> AsyncIterator[Result]:
        """Yield the rows."""
        following: Request[Any] | None = request
        while following is not None:
            page = await client.send(following)
            for row in page[self.rows]:
                yield row
            following = _next_page(following, page)


def _next_page(request: Request[Any], page: dict[str, Any]) -> Request[Any] | None:
    if page["next"] is None:
        return None
    return replace(request, query={**request.query, "after": page["next"]})


class Export(_Iterating[P, Result]):
    """Yields the rows of an export as they come. Raises IncompleteExport where it was broken off."""

    def iterate(self, client: SyncTransport, request: Request[Any]) -> Iterator[Result]:
        """Yield the rows."""
        lines, rows = Lines(), 0
        with client.opened(request) as response:
            try:
                for data in response.iter_bytes():
                    for line in lines.take(data):
                        rows += 1
                        yield json.loads(line)
            except httpx.TransportError as error:
                raise IncompleteExport(rows, repr(error)) from error

    async def follow(self, client: AsyncTransport, request: Request[Any]) -> AsyncIterator[Result]:
        """Yield the rows."""
        lines, rows = Lines(), 0
        async with client.opened(request) as response:
            try:
                async for data in response.aiter_bytes():
                    for line in lines.take(data):
                        rows += 1
                        yield json.loads(line)
            except httpx.TransportError as error:
                raise IncompleteExport(rows, repr(error)) from error


class Stream(_Iterating[P, Transition | Reset]):
    """Yields transitions as they happen, over as many connections as it takes; ends when the caller stops.

    Raises ProblemError where the service refuses for good, as when the key was revoked.
    """

    def iterate(self, client: SyncTransport, request: Request[Any]) -> Iterator[Transition | Reset]:
        """Yield the transitions."""
        feed = _feed(client, request)
        while True:
            try:
                with client.opened(feed.next_request(), silence_s_max=SILENCE_S_MAX) as response:
                    for data in response.iter_bytes():
                        yield from feed.take(data)
            except (httpx.TransportError, ProblemError, Unreachable) as error:
                _only_passing(error)
            client.sleep(feed.pause_s())

    async def follow(self, client: AsyncTransport, request: Request[Any]) -> AsyncIterator[Transition | Reset]:
        """Yield the transitions."""
        feed = _feed(client, request)
        while True:
            try:
                async with client.opened(feed.next_request(), silence_s_max=SILENCE_S_MAX) as response:
                    async for data in response.aiter_bytes():
                        for event in feed.take(data):
                            yield event
            except (httpx.TransportError, ProblemError, Unreachable) as error:
                _only_passing(error)
            await client.sleep(feed.pause_s())


def _feed(client: SyncTransport | AsyncTransport, request: Request[Any]) -> Feed:
    known = request.headers.get("Last-Event-ID")
    return Feed(request, client.patience, None if known is None else int(known))


def _only_passing(error: Exception) -> None:
    """Raise the error again unless it passes by itself."""
    if isinstance(error, ProblemError) and not isinstance(error, Unavailable) and error.status < 500:
        raise error
