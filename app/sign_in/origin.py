"""Requests that another site makes a browser send (CSRF): refused where a cookie alone proves who is asking.

Three walls, because each has its hole. `SameSite=Strict` keeps browsers from sending the cookie from another site, but
takes all ports and sub-domains of a house for one site. `Sec-Fetch-Site` says it exactly, but browsers leave it out
over plain http in a closed network. `Origin` is sent by every browser with what is not GET or HEAD, and has to be the
address that the request went to. So a request by cookie that changes something needs `Sec-Fetch-Site: same-origin` or,
without that header, an `Origin` of ours. Keys are not concerned: no browser adds them by itself.
"""

from urllib.parse import urlsplit

from fastapi import Request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_own(request: Request, public_url: str) -> bool:
    """Return whether a browser says that the request comes from our own page."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and _is_ours(request, origin, public_url)


def is_foreign(request: Request, public_url: str) -> bool:
    """Return whether a browser says that another site makes it send the request; others than browsers say nothing."""
    said = request.headers.get("sec-fetch-site") is not None or request.headers.get("origin") is not None
    return said and not is_own(request, public_url)


def is_secure(request: Request, public_url: str) -> bool:
    """Return whether the cookie has to be kept to https."""
    return request.url.scheme == "https" or public_url.startswith("https:")


def _is_ours(request: Request, origin: str, public_url: str) -> bool:
    try:
        given = urlsplit(origin)
        if given.scheme not in ("http", "https") or not given.netloc:
            return False
        # Behind a proxy that ends TLS our scheme is not the browser's; host and port are.
        own = {request.headers.get("host", ""), urlsplit(public_url).netloc if public_url else ""} - {""}
    except ValueError:
        return False
    return given.netloc.lower() in {name.lower() for name in own}
