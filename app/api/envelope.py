"""What goes round every request and response: the limit on bodies, the headers of a closed network, the counters."""

import time
from collections import Counter
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import ApiLimits
from app.api.deprecation import SCOPE_KEY
from app.api.peak import Peak
from app.api.problems import Problem, answer

SECURITY_HEADERS = {
    "Content-Security-Policy": (  # pictures may be drawn in the page; nothing is run but our own files
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; media-src 'self'; frame-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Permissions-Policy": ", ".join(  # a crew's phone says where it is; a wall stays awake and fills its screen
        [f"{name}=(self)" for name in ("autoplay", "fullscreen", "geolocation", "screen-wake-lock")]
        + [
            f"{name}=()"
            for name in (
                "accelerometer",
                "camera",
                "display-capture",
                "gyroscope",
                "hid",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "serial",
                "usb",
            )
        ]
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
    request_bytes: Peak = field(default_factory=Peak)


class Envelope:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, counters: RequestCounters, limits: ApiLimits) -> None:
        self.app = app
        self.counters = counters
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a bounded body, and add the headers to the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        counters = self.counters
        counters.in_flight += 1
        taken = 0
        scope[SCOPE_KEY] = {}

        async def bounded_receive() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limits.request_bytes_max:
                raise self._body_too_large()
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                counters.answers[f"{message['status'] // 100}xx"] += 1
                counters.seconds += time.monotonic() - began
                headers = MutableHeaders(scope=message)
                for name, value in (SECURITY_HEADERS | scope[SCOPE_KEY]).items():
                    headers[name] = value
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            asked = Headers(scope=scope)
            too_large = self._too_large(scope, asked)
            if too_large is not None:
                await answer(too_large, asked.get("accept-language"))(scope, receive, send_with_headers)
            else:
                await self.app(scope, bounded_receive, send_with_headers)
        finally:
            counters.in_flight -= 1
            counters.request_bytes.note(taken)

    def _too_large(self, scope: Scope, asked: Headers) -> Problem | None:
        """Return what is too large about a request by its begin, None where nothing is."""
        limits = self.limits
        if len(scope["raw_path"]) + len(scope["query_string"]) > limits.url_bytes_max:
            return _larger(414, "URL", limits.url_bytes_max, "name fewer things at one time")
        if sum(len(name) + len(value) for name, value in asked.raw) > limits.header_bytes_max:
            return _larger(431, "header", limits.header_bytes_max, "send fewer cookies and headers")
        announced = asked.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limits.request_bytes_max:
            return self._body_too_large()
        return None

    def _body_too_large(self) -> Problem:
        return _larger(413, "body", self.limits.request_bytes_max, "send less at one time")


def _larger(status: int, what: str, most: int, remedy: str) -> Problem:
    return Problem(
        status,
        "request-too-large",
        f"the {what} is larger than {most} bytes",
        remedy=remedy,
        headers={"Connection": "close"},
    )
