"""Log-in through a city's own identity provider: OpenID Connect, authorization code with PKCE.

By OpenID Connect Core 1.0 (section 3.1), Discovery 1.0, RFC 7636 (PKCE) and RFC 9207 (issuer in the answer). What a
log-in under way has to remember (state, nonce, verifier) lies in a cookie of the browser that began it, so that any
process may finish it. It needs no signature: it is compared with what comes back through the provider, and whoever can
write it can at most log their own browser in as themselves.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field

from model.area import written_areas
from model.yaml_file import YamlFileError, parse_model, read_text

ANSWER_S_MAX = 10.0
CLOCK_OFF_S_MAX = 60
METADATA_S_MAX = 3_600.0
SIGNED_BY = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]  # never `none` or a shared secret


class ProviderError(Exception):
    """The provider did not answer, or not as it has to; the text is for the operators."""


class Unmapped(Exception):
    """The provider knows somebody whom no mapping lets in (any more)."""

    def __init__(self, issuer: str, subject: str) -> None:
        super().__init__(subject)
        self.issuer = issuer
        self.subject = subject


class Mapping(BaseModel):
    """Who has this value in this claim gets the role and the areas."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: str
    value: str
    role: str
    areas: tuple[str, ...] = Field(min_length=1)


class Mappings(BaseModel):
    """The file of a deployment: the first mapping that fits counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name_claim: str = "preferred_username"
    display_name_claim: str = "name"
    mappings: tuple[Mapping, ...] = Field(min_length=1)


class Known(NamedTuple):
    """Whom the provider names, and what the mappings give."""

    issuer: str
    subject: str
    name: str
    display_name: str
    role: str
    areas: list[str]


class UnderWay(NamedTuple):
    """What the browser has to remember of a log-in until it comes back."""

    state: str
    nonce: str
    verifier: str

    def written(self) -> str:
        """Return it as a cookie's value."""
        return ".".join(self)


def begin() -> UnderWay:
    """Return a log-in that nobody can foresee."""
    return UnderWay(*(secrets.token_urlsafe(32) for _ in range(3)))


def read_under_way(cookie: str) -> UnderWay | None:
    """Return what a cookie's value says; None where it is none of ours."""
    parts = cookie.split(".")
    return UnderWay(*parts) if len(parts) == 3 and all(len(part) == 43 for part in parts) else None


def load_mappings(path: Path, roles: tuple[str, ...]) -> Mappings:
    """Return the mappings of a YAML file. Raises ValueError, with file and remedy, where they cannot stand."""
    try:
        found = parse_model(str(path), read_text(path), Mappings, "the file is empty; it needs mappings")
        for mapping in found.mappings:
            if mapping.role not in roles:
                raise ValueError(f"{mapping.role!r} is no role; name one of {', '.join(roles)}")
            written_areas(mapping.areas)
    except YamlFileError as error:
        raise ValueError(str(error)) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return found


class Provider:
    """One provider, as a client of it."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, mappings: Mappings) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._mappings = mappings
        self._metadata: dict[str, Any] = {}
        self._read_at = float("-inf")

    async def authorization_url(self, redirect_uri: str, under_way: UnderWay) -> str:
        """Return where the browser has to go. Raises ProviderError."""
        metadata = await self._discover()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(under_way.verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile",
            "state": under_way.state,
            "nonce": under_way.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        address = metadata["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    async def finish(self, code: str, redirect_uri: str, under_way: UnderWay, now_s: int) -> Known:
        """Return whom the provider names for a code. Raises ProviderError and Unmapped."""
        metadata = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": under_way.verifier,
            "client_id": self.client_id,
        }
        basic = None if self._client_secret is None else httpx.BasicAuth(self.client_id, self._client_secret)
        answer = await _ask("POST", metadata["token_endpoint"], data=form, auth=basic)
        keys = await _ask("GET", metadata["jwks_uri"])
        token = str(answer.get("id_token", ""))
        claims = verify_id_token(token, keys, self.issuer, self.client_id, under_way.nonce, now_s)
        return self._mapped(claims)

    def _mapped(self, claims: dict[str, Any]) -> Known:
        for mapping in self._mappings.mappings:
            given = claims.get(mapping.claim)
            if mapping.value in (given if isinstance(given, list) else [given]):
                display_name = claims.get(self._mappings.display_name_claim, "")
                return Known(
                    self.issuer,
                    str(claims["sub"]),
                    str(claims.get(self._mappings.name_claim, "")),
                    "".join(c for c in str(display_name) if c.isprintable())[:128],
                    mapping.role,
                    written_areas(mapping.areas),
                )
        raise Unmapped(self.issuer, str(claims["sub"]))

    async def _discover(self) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        if now - self._read_at > METADATA_S_MAX:
            metadata = await _ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if metadata.get("issuer") != self.issuer:
                raise ProviderError(f"the provider calls itself {metadata.get('issuer')!r}, not {self.issuer!r}")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not str(metadata.get(name, "")).startswith(("https://", "http://")):
                    raise ProviderError(f"the provider names no {name}")
            self._metadata, self._read_at = metadata, now
        return self._metadata


def verify_id_token(
    token: str, keys: dict[str, Any], issuer: str, client_id: str, nonce: str, now_s: int
) -> dict[str, Any]:
    """Return the claims of an ID token by OpenID Connect Core 3.1.3.7. `keys` is the provider's JWK set.

    Raises ProviderError where signature, issuer, audience, time or nonce do not hold.
    """
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=CLOCK_OFF_S_MAX,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=SIGNED_BY).claims  # type: ignore[arg-type]
        registry.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProviderError(f"the ID token does not hold: {error}") from None
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise ProviderError("the ID token is another log-in's: its nonce differs")
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise ProviderError("the ID token was made for another client: its azp differs")
    return claims


async def _ask(method: str, address: str, **options: Any) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=ANSWER_S_MAX) as client:
            answer = await client.request(method, address, headers={"Accept": "application/json"}, **options)
        answer.raise_for_status()
        said = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(f"{address} does not answer as it has to: {error!r}") from None
    if not isinstance(said, dict):
        raise ProviderError(f"{address} answers with something else than an object")
    return said
