"""The second factor: time-based one-time passwords (RFC 6238) from a telephone, and recovery codes for when it is lost.

Encrypting the secrets at rest is beyond scope: the key would lie beside the database that it protects.
"""

import hashlib
import hmac

import pyotp

from app.sign_in.passwords import random_groups

ISSUER = "Lifeline"
STEP_S = 30
_RECOVERY_GROUPS = 3  # 74 bits: random, so that a fast hash is enough


def new_secret() -> str:
    """Return a secret of 160 bits in base32."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, name: str) -> str:
    """Return the `otpauth://` address that an authenticator app takes, by its QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def matching_step(secret: str, code: str, now: int, steps_off_max: int) -> int | None:
    """Return the time step whose code it is, near `now` (epoch milliseconds); None where it fits none."""
    digits = code.replace(" ", "")
    if len(digits) != 6 or not (digits.isascii() and digits.isdecimal()):
        return None
    present = now // 1000 // STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in range(present - steps_off_max, present + steps_off_max + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            found = step
    return found


def new_recovery_codes(count: int) -> list[str]:
    """Return random codes, each of which stands for the second factor once."""
    return [random_groups(_RECOVERY_GROUPS) for _ in range(count)]


def hash_recovery_code(code: str) -> bytes:
    """Return what is kept of a recovery code, however it is typed."""
    plain = "".join(character for character in code.casefold() if character.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).digest()
