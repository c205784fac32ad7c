"""Ports that a broker is to listen on, and the first word in MQTT that shows that it does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import struct

from app.embedded.errors import PortInUse, PortRefused

CONNECT_TIMEOUT_S = 5.0
_PROBE_CLIENT = "lifeline-probe"


def free_port(host: str, port: int) -> int:
    """`port` where nothing listens on it, or a free one for 0.

    Raises:
        PortInUse: another process listens there.
        PortRefused: the address is not this machine's, or the port is not for us.
    """
    if not 0 <= port <= 65535:
        raise PortRefused(host, port, "ports are 0 to 65535")
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(address[0], address[1]) as probe:
            # As servers do: connections that are closing do not count as in use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address[4])
            probe.listen(1)  # of two bound sockets only one may listen
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port) from error
        raise PortRefused(host, port, error.strerror or str(error)) from error
    except UnicodeError as error:
        raise PortRefused(host, port, str(error)) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """An address by which this machine reaches a server that listens on `host`."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return "127.0.0.1" if address.version == 4 else "::1"
    return host


def mqtt_url(host: str, port: int) -> str:
    """The URL of a broker on this machine."""
    name = reachable(host)
    return f"mqtt://[{name}]:{port}" if ":" in name else f"mqtt://{name}:{port}"


async def answers_mqtt(host: str, port: int, user: str | None = None, password: str | None = None) -> bool:
    """Whether a broker takes a connection: CONNECT of MQTT 3.1.1 (sections 3.1 and 3.2), clean, without a will."""
    strings = [_PROBE_CLIENT, *(text for text in (user, password) if text is not None)]
    flags = 0x02 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + struct.pack("!H", 10)
    for text in strings:
        encoded = text.encode()
        body += struct.pack("!H", len(encoded)) + encoded
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(reachable(host), port)
            try:
                writer.write(b"\x10" + _remaining_length(len(body)) + body)
                answer = await reader.readexactly(4)
                writer.write(b"\xe0\x00")
                await writer.drain()
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return answer == b"\x20\x02\x00\x00"


def _remaining_length(length: int) -> bytes:
    """Section 2.2.3: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while True:
        length, low = divmod(length, 128)
        encoded.append(low | (0x80 if length else 0))
        if not length:
            return bytes(encoded)


def refused_port(words: str) -> bool:
    """Whether a server's last words say that its port was taken between our look and its own."""
    return os.strerror(errno.EADDRINUSE).lower() in words.lower()
