"""Requests to addresses that people configure: resolved once, refused where they lead inside, pinned to what was seen.

A webhook's host is anything an administrator was given, and its name may be turned to an inner address at any time
(server-side request forgery, DNS rebinding). So the name is resolved here, every address it has is judged, and the
connection goes to a judged address; Host header, server name (SNI) and certificate are checked by the name all the
same. Redirects are not followed, and proxies of the environment, which would resolve the name once more, not used.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

import httpx

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

ADDRESSES_TRIED_MAX = 3
_USUAL_PORTS = {"http": 80, "https": 443}
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# Blocks of the IANA special-purpose registries that not every Python has, or has in part: protocol assignments (some
# clouds answer there with secrets), 6to4 and Teredo (which hold an IPv4 address), and documentation.
_SPECIAL = tuple(
    ipaddress.ip_network(block)
    for block in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20")
)


class OutgoingRefused(Exception):
    """The address must not be asked; the text says why and what to do, and holds nothing of the path or query."""


class OutgoingFailed(Exception):
    """The request did not succeed; the text says why, without path or query."""


class _Target(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a text like `10.1.0.0/16, fd00:1::/64`. Raises ValueError with the remedy."""
    networks: list[Network] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError:
            raise ValueError(f"{part!r} is no network; write it like 10.1.0.0/16 or 10.1.2.3/32") from None
    return tuple(networks)


def is_public(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address may be asked: a public one, or one of the networks that are allowed all the same.

    Not public are private, shared (100.64.0.0/10, where some clouds answer with secrets), loopback, link-local,
    multicast, documentation and reserved addresses (IANA special-purpose registries), and IPv6 addresses that hold
    an IPv4 one; an IPv4-mapped address is judged as the IPv4 address that it is.
    """
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address.version == network.version and address in network for network in allowed):
        return True
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if any(address.version == block.version and address in block for block in _SPECIAL):
        return False
    return address.version == 4 or address in _GLOBAL_IPV6


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once, as the system's resolver gives them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(host: str, port: int, allowed: Sequence[Network], resolver: Resolve = resolve) -> list[str]:
    """Return the addresses of a host, resolved once. Raises OutgoingRefused where any of them leads inside."""
    try:
        addresses = list(await resolver(host, port))
    except (OSError, UnicodeError) as error:
        raise OutgoingFailed(f"{host} cannot be resolved: {error}") from None
    inside = [address for address in addresses if not is_public(address, allowed)]
    if inside:
        raise OutgoingRefused(
            f"{host} leads to {inside[0]}, which is not a public address; where it is a partner inside the house, name "
            "its network in LIFELINE_WEBHOOK_NETWORKS_ALLOWED"
        )
    if not addresses:
        raise OutgoingFailed(f"{host} has no address")
    return addresses


async def post_guarded(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    allowed: Sequence[Network] = (),
    resolver: Resolve = resolve,
    context: ssl.SSLContext | None = None,
) -> int:
    """POST to a configured address within `timeout_s` and return the status, 200 to 299.

    Raises OutgoingRefused where the address leads inside, OutgoingFailed for whatever else keeps the message from being
    taken, a redirect too. The answer's body is not read.
    """
    target = _target(url)
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await checked_addresses(target.host, target.port, allowed, resolver)
            return await _post_pinned(target, addresses[:ADDRESSES_TRIED_MAX], body, headers, timeout_s, context)
    except TimeoutError:
        raise OutgoingFailed(f"{target.host} did not answer within {timeout_s:g} s") from None


async def _post_pinned(
    target: _Target,
    addresses: Sequence[str],
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
    context: ssl.SSLContext | None,
) -> int:
    bracketed = f"[{target.host}]" if ":" in target.host else target.host
    named = bracketed if target.port == _USUAL_PORTS[target.scheme] else f"{bracketed}:{target.port}"
    verify = context or _usual_context()
    async with httpx.AsyncClient(verify=verify, trust_env=False, follow_redirects=False, timeout=timeout_s) as client:
        for address in addresses:
            pinned = f"[{address}]" if ":" in address else address
            request = client.build_request(
                "POST",
                f"{target.scheme}://{pinned}:{target.port}{target.path}",
                content=body,
                headers={"User-Agent": "Lifeline", **headers, "Host": named},
                extensions={"sni_hostname": target.host},
            )
            try:
                answer = await client.send(request, stream=True)
            except httpx.ConnectError as error:
                failure = f"{target.host} ({address}) cannot be reached: {error}"
                continue
            except httpx.HTTPError as error:
                raise OutgoingFailed(f"{target.host} broke off: {type(error).__name__}") from None
            await answer.aclose()
            if answer.is_redirect:
                raise OutgoingFailed(f"{target.host} answered with a redirect ({answer.status_code}), not followed")
            if not answer.is_success:
                raise OutgoingFailed(f"{target.host} answered {answer.status_code}")
            return answer.status_code
    raise OutgoingFailed(failure)


def _target(url: str) -> _Target:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise OutgoingRefused("the URL has a port that is none; correct it") from None
    if parts.scheme not in _USUAL_PORTS or not parts.hostname or parts.username is not None:
        raise OutgoingRefused("the URL must begin with http:// or https:// and a host, without user and password")
    host = parts.hostname
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise OutgoingRefused("the URL's host is no name; correct it") from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(parts.scheme, host, port or _USUAL_PORTS[parts.scheme], path)


@cache
def _usual_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()
