"""Addresses of services as they may be told: without what is secret in them."""

import re

_PASSWORD_GIVEN = re.compile(r"(password=)[^&\s]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """Return the address of a database or broker without its password, however the address is malformed."""
    scheme, found, rest = url.partition("://")
    if not found:
        scheme, rest = "", url
    credentials, at, place = rest.rpartition("@")
    return _PASSWORD_GIVEN.sub(r"\1…", f"{scheme}{found}{credentials.partition(':')[0]}{at}{place}")
