"""What the bodies of requests share: texts of people, places, and the key by which an act that is sent twice is one."""

from typing import Annotated

from fastapi import Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.actions import KeyReused
from app.api.problems import Problem, invalid
from model.report import personal_data


def _no_controls(text: str) -> str:
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise ValueError("control characters and marks that are not visible are not taken")
    return text


def _no_number_of_a_person(text: str) -> str:
    # Crews name work orders, which are as long as a fixed line's number, and doors at which they work.
    if (found := personal_data(text)) in ("a mobile number", "an identity number"):
        raise ValueError(f"holds what looks like {found}, and personal data is not kept here; leave it out")
    return text


Visible = AfterValidator(_no_controls)
"""For texts that people write, of several lines perhaps."""

Impersonal = AfterValidator(_no_number_of_a_person)
"""For what the journal keeps for good and tells partners: no telephone or identity numbers (invariant I9)."""

Comment = Annotated[str, StringConstraints(max_length=2_000), Visible, Impersonal]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True), Visible, Impersonal]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}\z")]
KeyHeader = Annotated[
    IdempotencyKey | None, Header(alias="Idempotency-Key", description="A text of your own, new for each act")
]
KeyField = Annotated[IdempotencyKey | None, Field(description="Where no header can be sent")]


class Coordinates(BaseModel):
    """Where, WGS-84."""

    model_config = ConfigDict(extra="forbid")

    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)


def one_key(header: str | None, field: str | None) -> str:
    """Return the idempotency key of a request. Raises Problem 422 where there is none, or two that differ."""
    key = header or field
    if key is None:
        raise invalid(
            "Idempotency-Key",
            "is missing",
            "send a header `Idempotency-Key` (or the field idempotency_key) with a text of your own for this action",
        )
    if field is not None and field != key:
        raise invalid("idempotency_key", "differs from the header Idempotency-Key", "send one of the two")
    return key


def reused(error: KeyReused) -> Problem:
    """Return the problem for an idempotency key that was used for something else."""
    return Problem(
        409,
        "conflict",
        str(error),
        field="Idempotency-Key",
        remedy="send a new key with each new action, the same one only when you repeat it",
    )
