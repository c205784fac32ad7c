"""Mosquitto that lets in whom it knows, by password or certificate, and holds each to the file made of the registry."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.broker_access import accounts_of, mosquitto_file
from app.embedded.mosquitto import mosquitto_broker
from model.registry import Registry

NOT_AUTHORISED = 0x87
ANSWER_S_MAX = 30.0


class Authority:
    """Makes certificates, PEM files in `folder`, of whoever is named."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._certificate(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.file = self._write("authority.pem", own.sign(self._key, hashes.SHA256()))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key of who bears that name and is at 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = self._certificate(subject, key).add_extension(here, critical=False)
        key_file = self.folder / f"{name}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return self._write(f"{name}.pem", certificate.sign(self._key, hashes.SHA256())), key_file

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        known_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(known_by, critical=False)

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


@dataclass(frozen=True)
class Login:
    """How somebody logs in: the fields of MqttSettings, or what paho needs for the same."""

    url: str
    user: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def settings(self) -> dict[str, Any]:
        """For a worker of ours."""
        url = self.url if self.user is None else self.url.replace("://", f"://{self.user}:{self.password}@")
        files = {"ca_file": self.ca_file, "certificate_file": self.certificate_file, "key_file": self.key_file}
        return {"url": url, **files}


class GuardedBroker:
    """The running broker; `login` is by password, or by certificate where it has an authority."""

    def __init__(self, port: int, authority: Authority | None) -> None:
        self._url = f"{'mqtts' if authority else 'mqtt'}://127.0.0.1:{port}"
        self.authority = authority

    def login(self, user: str) -> Login:
        """The right one of an account."""
        if self.authority is None:
            return Login(self._url, user, password_of(user))
        return Login(self._url, None, None, self.authority.file, *self.authority.issue(user))

    def wrong_logins(self, user: str, folder: Path) -> list[Login]:
        """Under no name, and under that name without the proof that it is one's own."""
        if self.authority is None:
            return [Login(self._url), Login(self._url, user, "guessed")]
        other = Authority(folder, "another authority")
        return [
            Login(self._url, ca_file=self.authority.file),
            Login(self._url, None, None, self.authority.file, *other.issue(user)),
        ]


@asynccontextmanager
async def guarded_broker(
    folder: Path, programs: Path, registry: Registry, *, by_certificate: bool
) -> AsyncIterator[GuardedBroker]:
    """Start it as docs/broker-access.md has it, with the accounts of the registry and one of Lifeline's own."""
    folder.mkdir(parents=True, exist_ok=True)
    accounts = accounts_of(registry)
    access = folder / "lifeline.acl"
    access.write_text(mosquitto_file(accounts))
    access.chmod(0o600)
    settings = {
        "allow_anonymous": "false",
        "acl_file": str(access),
        # Not 0, no limit: Mosquitto 2.0 then ends the connection of whoever publishes what is refused.
        "max_queued_messages": "1000000",
    }
    authority = None
    if by_certificate:
        authority = Authority(folder / "certificates")
        certificate, key = authority.issue("broker")
        settings |= {
            "cafile": str(authority.file), "certfile": str(certificate), "keyfile": str(key),
            "require_certificate": "true", "use_identity_as_username": "true",
        }  # fmt: skip
    else:
        settings["password_file"] = str(_password_file(folder / "passwords", (one.user for one in accounts)))
    async with mosquitto_broker(folder, programs, 0, print, settings=settings) as broker:
        yield GuardedBroker(broker.port, authority)


def password_of(user: str) -> str:
    """The password of an account."""
    return f"of-{user}"


def _password_file(path: Path, users: Iterable[str]) -> Path:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512."""
    lines = []
    for user in users:
        salt = os.urandom(12)
        found = hashlib.pbkdf2_hmac("sha512", password_of(user).encode(), salt, 101)
        lines.append(f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(found).decode()}\n")
    path.write_text("".join(lines))
    path.chmod(0o600)
    return path


class Client:
    """A device by MQTT 5, which hears what the broker says of each message, and all that it may read."""

    def __init__(self, login: Login) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._loop = asyncio.get_running_loop()
        self._answers: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue()
        self._login = login
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if login.user is not None:
            self._client.username_pw_set(login.user, login.password)
        if login.ca_file is not None:
            context = ssl.create_default_context(cafile=login.ca_file)
            if login.certificate_file is not None:
                context.load_cert_chain(login.certificate_file, login.key_file)
            self._client.tls_set_context(context)
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._answer("connect", 0, code.value)
        self._client.on_disconnect = lambda _c, _u, _f, code, _p: self._answer("disconnect", 0, code.value)
        self._client.on_publish = lambda _c, _u, mid, code, _p: self._answer("publish", mid, code.value)
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))

    async def connect(self) -> bool:
        """Log in, and tell whether the broker let us in."""
        host, port = self._login.url.rpartition("/")[2].split(":")
        try:
            await asyncio.to_thread(self._client.connect, host, int(port))
        except OSError:
            return False
        self._client.loop_start()
        what, _, code = await asyncio.wait_for(self._answers.get(), ANSWER_S_MAX)
        if (what, code) != ("connect", 0):
            await self.close()
            return False
        return True

    async def publish(self, *messages: tuple[str, bytes]) -> list[int]:
        """Publish (topic, payload) at QoS 1 in this order, and return the broker's reason code of each."""
        numbers = [self._client.publish(topic, payload, qos=1).mid for topic, payload in messages]
        codes: dict[int, int] = {}
        while len(codes) < len(numbers):
            what, number, code = await asyncio.wait_for(self._answers.get(), ANSWER_S_MAX)
            assert what == "publish"
            codes[number] = code
        return [codes[number] for number in numbers]

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for topics; what is then delivered is in `heard`."""
        self._client.subscribe([(topic, 1) for topic in topics])

    async def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _answer(self, what: str, number: int, code: int) -> None:
        self._loop.call_soon_threadsafe(self._answers.put_nowait, (what, number, code))
