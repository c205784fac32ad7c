"""The channels through which messages leave the house: Apprise's services, and signed webhooks.

A webhook is signed as the open Standard Webhooks specification has it, so that receivers find a library for it: header
`webhook-id` (the idempotency key), `webhook-timestamp` (seconds), and `webhook-signature`, `v1,` and the base64 of the
HMAC-SHA256 over `id.timestamp.body` with the channel's key.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import logging
import os
import re
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from alerts.notices import Message
from alerts.notification_file import AppriseChannel, Channel, WebhookChannel, apprise_fault, webhook_fault
from app.notify.outgoing import Network, OutgoingFailed, OutgoingRefused, Resolve, post_guarded, resolve

ERROR_CHARACTERS_MAX = 300
_SECRET_PARTS = re.compile(r"[^/?&=#:@,]{4,}")
KEY_PREFIX = "whsec_"


class SendingFailed(Exception):
    """A message was not taken; the text says why, and holds no secret."""


class Outgoing(NamedTuple):
    """A message ready to be sent: the words, and for machines the facts. `key` is the idempotency key."""

    key: str
    message: Message
    facts: Mapping[str, Any]
    pressing: bool


class Surroundings(NamedTuple):
    """What sending goes by beside the channel: allowed inner networks, how names are resolved, the environment."""

    networks_allowed: Sequence[Network] = ()
    resolver: Resolve = resolve
    environment: Mapping[str, str] = os.environ


Send = Callable[[Channel, Outgoing, int, Surroundings], Awaitable[None]]
"""Sends a message through a channel at a time (epoch milliseconds). Raises SendingFailed."""


async def send(channel: Channel, outgoing: Outgoing, now: int, around: Surroundings) -> None:
    """Send a message through a channel at `now` (epoch milliseconds). Raises SendingFailed."""
    url = _setting(channel.url, channel.url_env, "url", around)
    if isinstance(channel, WebhookChannel):
        await _post(channel, url, _setting(channel.key, channel.key_env, "key", around), outgoing, now, around)
    else:
        await _notify(channel, url, outgoing)


def signature(key: str, identifier: str, timestamp_s: int, body: bytes) -> str:
    """Return the value of `webhook-signature` for a body. A key `whsec_…` is base64, any other is taken as UTF-8."""
    secret = key.encode()
    if key.startswith(KEY_PREFIX):
        try:
            secret = base64.b64decode(key.removeprefix(KEY_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise SendingFailed("the key begins with whsec_ and is not base64; correct it") from None
    signed = f"{identifier}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def apprise_problem(url: str) -> str | None:
    """Return why Apprise does not understand a URL, or None. The text does not hold the URL."""
    if fault := apprise_fault(url):
        return fault
    if _apprise().Apprise.instantiate(url, suppress_exceptions=True) is None:
        scheme = url.partition("://")[0]
        return f"Apprise does not understand this {scheme}:// URL; compare it with Apprise's page on that service"
    return None


def masked_target(channel: Channel) -> str:
    """Return where a channel leads, without anything secret: scheme and, for a webhook, host."""
    if channel.url is None:
        return f"${channel.url_env}"
    parts = urlsplit(channel.url)
    host = parts.hostname if isinstance(channel, WebhookChannel) else "…"
    return f"{parts.scheme}://{host}/…" if isinstance(channel, WebhookChannel) else f"{parts.scheme}://{host}"


def masked(text: str, *secrets: str) -> str:
    """Return a text in one line of bounded length, without the parts of the secrets."""
    for secret in secrets:
        for part in sorted(set(_SECRET_PARTS.findall(secret)) | {secret}, key=len, reverse=True):
            for form in (part, unquote(part)):
                text = text.replace(form, "***")
    return "".join(c if c.isprintable() else " " for c in text)[:ERROR_CHARACTERS_MAX]


def _setting(given: str | None, variable: str | None, what: str, around: Surroundings) -> str:
    if given is not None:
        return given
    assert variable is not None  # the file has either
    found = around.environment.get(variable)
    if not found:
        raise SendingFailed(f"the environment variable {variable} with the channel's {what} is not set; set it")
    return found


async def _post(
    channel: WebhookChannel, url: str, key: str, outgoing: Outgoing, now: int, around: Surroundings
) -> None:
    if fault := webhook_fault(url):
        raise SendingFailed(fault)
    body = msgspec.json.encode(
        {"id": outgoing.key, "title": outgoing.message.title, "text": outgoing.message.text, **outgoing.facts}
    )
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": outgoing.key,
        "webhook-id": outgoing.key,
        "webhook-timestamp": str(now // 1000),
        "webhook-signature": signature(key, outgoing.key, now // 1000, body),
    }
    try:
        await post_guarded(
            url,
            body,
            headers,
            timeout_s=channel.timeout_s,
            allowed=around.networks_allowed,
            resolver=around.resolver,
        )
    except (OutgoingFailed, OutgoingRefused) as error:
        host = urlsplit(url).hostname or ""
        raise SendingFailed(masked(str(error), key, url.partition(host)[2])) from None


async def _notify(channel: AppriseChannel, url: str, outgoing: Outgoing) -> None:
    if fault := apprise_fault(url):
        raise SendingFailed(fault)
    # A thread that ends with the process: a service that hangs must not hold up the others, nor the end.
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str | None] = loop.create_future()

    def tell(failure: str | None) -> None:
        if not done.done():
            done.set_result(failure)

    def work() -> None:
        failure = _notify_now(url, channel, outgoing)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, failure)

    if not _take_turn(channel.channel):
        raise SendingFailed("the service still holds the message before; it is asked again when that is over")
    threading.Thread(target=work, name=f"notify-{channel.channel}", daemon=True).start()
    try:
        failure = await asyncio.wait_for(done, channel.timeout_s)
    except TimeoutError:
        raise SendingFailed(f"the service did not answer within {channel.timeout_s:g} s") from None
    if failure is not None:
        raise SendingFailed(masked(failure, url.partition("://")[2]))


_busy: set[str] = set()
_busy_lock = threading.Lock()


def _take_turn(channel: str) -> bool:
    with _busy_lock:
        if channel in _busy:
            return False
        _busy.add(channel)
        return True


def _notify_now(url: str, channel: AppriseChannel, outgoing: Outgoing) -> str | None:
    """Send through Apprise and return why it failed, or None. Blocks."""
    words = outgoing.message
    _said.lines = []
    try:
        apprise = _apprise()
        # Messages bear our name, and no pictures that receivers would fetch from the internet.
        asset = apprise.AppriseAsset(app_id="Lifeline", app_desc="Lifeline", image_url_mask="", image_url_logo="")
        target = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if target is None:
            return "Apprise does not understand this URL; correct it"
        sent = target.notify(
            title="" if channel.text == "title" else words.title,
            body=words.title if channel.text == "title" else words.text,
            notify_type=apprise.NotifyType.FAILURE if outgoing.pressing else apprise.NotifyType.WARNING,
            body_format=apprise.NotifyFormat.TEXT,
        )
        return None if sent else "; ".join(_said.lines) or "the service did not take the message"
    except Exception as error:  # plugins raise what they like; what they say may hold the URL
        return f"{type(error).__name__} in Apprise's plugin: {error}"
    finally:
        with _busy_lock:
            _busy.discard(channel.channel)


_said = threading.local()


class _Listening(logging.Handler):
    """Keeps what Apprise says of the message under way in this thread; nothing of it goes into the log, unmasked."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = getattr(_said, "lines", None)
        if lines is not None and len(lines) < 3:
            lines.append(record.getMessage())


@cache
def _apprise() -> Any:
    """Return Apprise, imported when first needed: it is large. Its words and those of its HTTP client hold secrets."""
    import apprise

    logger = logging.getLogger("apprise")
    logger.handlers = [_Listening(logging.WARNING)]
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    for name in ("urllib3", "requests_oauthlib", "oauthlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return apprise


# httpx tells whole URLs at level INFO.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)
