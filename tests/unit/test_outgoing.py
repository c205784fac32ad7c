"""Requests to configured addresses: what leads inside is refused, and the connection goes where it was looked."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from app.notify.outgoing import (
    OutgoingFailed,
    OutgoingRefused,
    checked_addresses,
    is_public,
    parse_networks,
    post_guarded,
)

LOOPBACK = parse_networks("127.0.0.1/32")

PUBLIC = ["1.1.1.1", "8.8.8.8", "114.114.114.114", "2606:4700:4700::1111", "2400:3200::1", "::ffff:8.8.8.8"]
INNER = {
    "loopback": "127.0.0.1",
    "all of it": "127.255.255.254",
    "this host": "0.0.0.0",
    "private a": "10.1.2.3",
    "private b": "172.16.0.1",
    "private b, its end": "172.31.255.255",
    "private c": "192.168.1.1",
    "shared, and a cloud's metadata": "100.100.100.200",
    "link-local, and the clouds' metadata": "169.254.169.254",
    "protocol assignments": "192.0.0.192",
    "documentation": "203.0.113.7",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast, global scope": "233.252.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "6to4 relays": "192.88.99.1",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with zone": "fe80::1%eth0",
    "IPv6 unique local": "fd00:ec2::254",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 multicast, global scope": "ff0e::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, the newer": "3fff::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped private": "::ffff:10.1.2.3",
    "IPv4-mapped in hexadecimal": "::ffff:7f00:1",
    "IPv4-compatible": "::127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, local prefix": "64:ff9b:1::7f00:1",
    "6to4 of a private address": "2002:a01:203::1",
    "Teredo": "2001:0:53aa:64c::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_taken(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", INNER.values(), ids=INNER)
def test_inner_addresses_are_not(address: str) -> None:
    assert not is_public(address)


def test_an_allowed_network_is_taken_and_nothing_beside_it() -> None:
    allowed = parse_networks("10.1.0.0/16, fd00:1::/64")
    taken = [address for address in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1", "fd00:1::5", "fd00:2::5", "127.0.0.1")
             if is_public(address, allowed)]  # fmt: skip
    assert taken == ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"]
    with pytest.raises(ValueError, match=r"write it like 10\.1\.0\.0/16"):
        parse_networks("10.1.0.5/16")


# The system's resolver takes these for 127.0.0.1; they are judged as what they resolve to.
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "localhost"]
)
def test_addresses_in_disguise_are_judged_as_what_they_are(host: str) -> None:
    with pytest.raises(OutgoingRefused, match=r"leads to (127\.0\.0\.1|::1)"):
        asyncio.run(checked_addresses(host, 80, ()))


def names(*answers: Sequence[str]) -> tuple[Callable[[str, int], Awaitable[Sequence[str]]], list[str]]:
    """A name server that answers in turn, its last answer for ever; and the names that it was asked for."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


def test_one_inner_address_among_public_ones_is_enough() -> None:
    resolve, _ = names(["1.1.1.1", "10.0.0.1"])
    with pytest.raises(OutgoingRefused, match=r"10\.0\.0\.1"):
        asyncio.run(checked_addresses("partner.example.org", 443, (), resolve))


class Receiver:
    """A plain HTTP server that keeps the requests and answers all alike."""

    def __init__(self, answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head)
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def post(receiver: Receiver, url: str, tls: ssl.SSLContext | None = None, trusted: ssl.SSLContext | None = None,
         answers: Sequence[Sequence[str]] = (["127.0.0.1"],)) -> tuple[int, list[str]]:  # fmt: skip
    """Post to the receiver by a URL with {port} in it; returns the status and the names that were asked for."""
    resolve, asked = names(*answers)

    async def run() -> int:
        server = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=tls)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await post_guarded(url.format(port=port), b"{}", {}, timeout_s=5, allowed=LOOPBACK,
                                      resolver=resolve, context=trusted)  # fmt: skip

    return asyncio.run(run()), asked


def test_the_name_is_resolved_once_and_the_connection_goes_to_what_was_judged() -> None:
    # A name that is turned to an inner address after it was judged: the second answer is never asked for.
    receiver = Receiver()
    status, asked = post(receiver, "http://partner.example.org:{port}/in?a=b", answers=[["127.0.0.1"], ["10.0.0.1"]])
    assert (status, asked) == (204, ["partner.example.org"])
    head = receiver.requests[0].decode()
    assert head.startswith("POST /in?a=b HTTP/1.1\r\n")
    assert "\r\nHost: partner.example.org:" in head


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(status: str) -> None:
    receiver = Receiver(f"HTTP/1.1 {status}\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(OutgoingFailed, match="redirect"):
        post(receiver, "http://partner.example.org:{port}/")
    assert len(receiver.requests) == 1


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(Receiver(), "http://partner.example.org:{port}/")[0] == 204


@pytest.mark.parametrize("answer", [b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 401 No\r\n\r\n", b"nonsense\r\n\r\n", b""])
def test_what_is_no_success_is_a_failure(answer: bytes) -> None:
    with pytest.raises(OutgoingFailed, match=r"partner\.example\.org"):
        post(Receiver(answer), "http://partner.example.org:{port}/secret")


def test_a_failure_tells_neither_path_nor_query() -> None:
    with pytest.raises(OutgoingFailed) as failed:
        asyncio.run(post_guarded("http://partner.example.org:9/topsecret?token=topsecret", b"", {}, timeout_s=2,
                                 allowed=LOOPBACK, resolver=names(["127.0.0.1"])[0]))  # fmt: skip
    assert "topsecret" not in str(failed.value)


CERTIFICATES = Path(__file__).parent / "certificates"


@pytest.mark.parametrize(("host", "taken"), [("localhost", True), ("elsewhere.example.org", False)])
def test_the_certificate_is_checked_by_the_name_and_not_by_the_address(host: str, taken: bool) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(CERTIFICATES / "broker.pem")
    seen: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: seen.append(name)
    trusted = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    if taken:
        assert post(Receiver(), f"https://{host}:{{port}}/", served, trusted)[0] == 204
    else:
        with pytest.raises(OutgoingFailed, match="cannot be reached"):
            post(Receiver(), f"https://{host}:{{port}}/", served, trusted)
    assert seen == [host]
