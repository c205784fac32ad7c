"""How requests are sent, once for each form; all that is decided is decided in `requests`, `errors` and `events`."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self, TypeVar

import httpx

from lifeline_client.errors import Unreachable, problem_of
from lifeline_client.requests import Patience, Request

Result = TypeVar("Result")
PREFIX = "/api/v1"


def _headers(key: str | None, language: str | None) -> dict[str, str]:
    headers = {"User-Agent": "lifeline-client", "Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if language is not None:
        headers["Accept-Language"] = language
    return headers


def _sent(http: httpx.Client | httpx.AsyncClient, request: Request[Any], silence_s_max: float | None) -> httpx.Request:
    path = request.path if request.path.startswith("/metrics") else PREFIX + request.path
    sending = http.build_request(
        request.method, path, params=dict(request.query), headers=dict(request.headers), content=request.body
    )
    if silence_s_max is not None:
        sending.extensions["timeout"] = {**sending.extensions["timeout"], "read": silence_s_max}
    return sending


class SyncTransport:
    """Sends requests and waits for the answers; close it, or use it in a `with` block."""

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        language: str | None = None,
        timeout_s: float = 30.0,
        patience: Patience | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        """Speak to the service at an address, like `http://127.0.0.1:8000`, with an API key.

        `language` is that of problems (`zh`, `en`); `timeout_s` counts for each step of a request; `http` is a client
        of your own, for proxies and certificates.
        """
        self.patience = patience or Patience()
        self._http = http or httpx.Client(timeout=timeout_s)
        self._http.base_url = httpx.URL(address)
        self._http.headers.update(_headers(key, language))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sleep(self, wait_s: float) -> None:
        """Wait before something is tried again."""
        time.sleep(wait_s)

    def send(self, request: Request[Result]) -> Result:
        """Return the answer. Raises ProblemError for an error that the service answers with, Unreachable."""
        with self.opened(request) as response:
            return request.decode(response.read())

    @contextmanager
    def opened(self, request: Request[Any], *, silence_s_max: float | None = None) -> Iterator[httpx.Response]:
        """Give an answer that is read as it comes. Raises as `send` does, httpx.TransportError while it is read."""
        attempt = 0
        while True:
            attempt += 1
            sending = _sent(self._http, request, silence_s_max)
            failure: httpx.Response | httpx.TransportError
            try:
                response = self._http.send(sending, stream=True)
            except httpx.TransportError as error:
                failure = error
            else:
                if response.is_success:
                    break
                response.read()
                response.close()
                failure = response
            wait_s = self.patience.wait_before_next(request, attempt, failure)
            if wait_s is None:
                raise _error(failure, attempt)
            self.sleep(wait_s)
        try:
            yield response
        finally:
            response.close()


class AsyncTransport:
    """The same, for asyncio: close it, or use it in an `async with` block."""

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        language: str | None = None,
        timeout_s: float = 30.0,
        patience: Patience | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Speak to the service at an address; the parameters are those of `Client`."""
        self.patience = patience or Patience()
        self._http = http or httpx.AsyncClient(timeout=timeout_s)
        self._http.base_url = httpx.URL(address)
        self._http.headers.update(_headers(key, language))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def sleep(self, wait_s: float) -> None:
        """Wait before something is tried again."""
        await asyncio.sleep(wait_s)

    async def send(self, request: Request[Result]) -> Result:
        """Return the answer. Raises ProblemError for an error that the service answers with, Unreachable."""
        async with self.opened(request) as response:
            return request.decode(await response.aread())

    @asynccontextmanager
    async def opened(
        self, request: Request[Any], *, silence_s_max: float | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Give an answer that is read as it comes. Raises as `send` does, httpx.TransportError while it is read."""
        attempt = 0
        while True:
            attempt += 1
            sending = _sent(self._http, request, silence_s_max)
            failure: httpx.Response | httpx.TransportError
            try:
                response = await self._http.send(sending, stream=True)
            except httpx.TransportError as error:
                failure = error
            else:
                if response.is_success:
                    break
                await response.aread()
                await response.aclose()
                failure = response
            wait_s = self.patience.wait_before_next(request, attempt, failure)
            if wait_s is None:
                raise _error(failure, attempt)
            await self.sleep(wait_s)
        try:
            yield response
        finally:
            await response.aclose()


def _error(failure: httpx.Response | httpx.TransportError, attempts: int) -> Exception:
    if isinstance(failure, httpx.Response):
        return problem_of(failure)
    error = Unreachable(f"no answer after {attempts} attempts: {failure!r}; look at the address and the network")
    error.__cause__ = failure
    return error
