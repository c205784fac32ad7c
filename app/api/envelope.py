"""What goes round every request and response: the limit on bodies, the headers of a closed network, the counters."""

import time
from collections import Counter
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import Problem, answer

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(slots=True)
class RequestCounters:
    """Running totals since start."""

    answers: Counter[str] = field(default_factory=Counter)  # by class of status, `2xx`
    seconds: float = 0.0  # to the first byte of the answer
    in_flight: int = 0


class Envelope:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, counters: RequestCounters, request_bytes_max: int) -> None:
        self.app = app
        self.counters = counters
        self.request_bytes_max = request_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a bounded body, and add the headers to the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        counters = self.counters
        counters.in_flight += 1
        taken = 0

        async def bounded_receive() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.request_bytes_max:
                raise self._too_large()
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                counters.answers[f"{message['status'] // 100}xx"] += 1
                counters.seconds += time.monotonic() - began
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            announced = Headers(scope=scope).get("content-length", "0")
            if announced.isdecimal() and int(announced) > self.request_bytes_max:
                await answer(self._too_large())(scope, receive, send_with_headers)
            else:
                await self.app(scope, bounded_receive, send_with_headers)
        finally:
            counters.in_flight -= 1

    def _too_large(self) -> Problem:
        return Problem(
            413,
            "request-too-large",
            f"the body is larger than {self.request_bytes_max} bytes",
            remedy="send less at one time",
            headers={"Connection": "close"},
        )
