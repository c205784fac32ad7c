"""Combination: and, or, not and counts over the conditions of other rules, at one sensor, around it, or in an area.

A combination binds to groups of sensors (`per`): one alarm a group, which stands with its first sensor by name. Each
level has a clause of terms; the severity is the highest level whose clause holds. A term counts the sensors of its
place at which another rule's condition has reached a level, and holds where they are `sensors` at least.

The clauses are judged at the end of each arrival instant in which a condition that they look at has changed: what
arrives at one time is known at one time, in whatever order it came. The transition bears the time of the newest reading
or deadline among those changes, so that it never lies before what caused it.

Doubt never lowers danger: within a `not`, a sensor counts only while its newest reading is held; a rain gauge that fell
silent in the rain does not go on saying that it rains.
"""

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from alerts.words import Area, Level, Part, Positive, RuleName

TERMS_MAX = 16
DEPTH_MAX = 4
NEVER_LOOKED_AT = ("stale", "gateway_silent", "due", "combination")
"""Kinds whose conditions combinations do not see: they are judged when the conditions of readings change."""


class Term(Part):
    """At least `sensors` sensors `around` the group at which the condition of `rule` has reached a level.

    `around`: `group` (the sensors of the group itself), `neighbours` (others within `within_m` of the group's sensor),
    `district`, `city`, or `attributes.NAME` (those with the same value).
    """

    rule: RuleName
    at_least: Level = "blue"
    sensors: Annotated[int, Field(ge=1, le=10_000)] = 1
    around: Annotated[str, Field(pattern=r"^(group|neighbours|district|city|attributes\.\S{1,64})$")] = "group"
    within_m: Positive | None = None

    @model_validator(mode="after")
    def _neighbours_have_a_distance(self) -> Self:
        if (self.around == "neighbours") != (self.within_m is not None):
            raise ValueError("within_m: give it with around: neighbours, and only there")
        return self


class AllOf(Part):
    """Holds where all of its clauses do."""

    all_of: list["Clause"] = Field(min_length=1, max_length=TERMS_MAX)


class AnyOf(Part):
    """Holds where one of its clauses does."""

    any_of: list["Clause"] = Field(min_length=1, max_length=TERMS_MAX)


class Not(Part):
    """Holds where its clause does not."""

    negated: "Clause" = Field(alias="not")


def _form(clause: Any) -> str | None:
    """Tell by which of its fields a clause is known, whether it is read already or not."""
    if isinstance(clause, dict):
        return next((name for name in ("rule", "all_of", "any_of", "not") if name in clause), None)
    forms = ((Term, "rule"), (AllOf, "all_of"), (AnyOf, "any_of"), (Not, "not"))
    return next((name for form, name in forms if isinstance(clause, form)), None)


Clause = Annotated[
    Annotated[Term, Tag("rule")]
    | Annotated[AllOf, Tag("all_of")]
    | Annotated[AnyOf, Tag("any_of")]
    | Annotated[Not, Tag("not")],
    Discriminator(
        _form, custom_error_type="clause", custom_error_message="a clause needs rule, all_of, any_of or not; give one"
    ),
]


class Combination(Part):
    """Clauses over the conditions of other rules, by level; one alarm for each group of selected sensors."""

    kind: Literal["combination"]
    per: Area = "sensor"
    levels: dict[Level, Clause] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        for level, clause in self.levels.items():
            if depth(clause) > DEPTH_MAX:
                raise ValueError(f"levels.{level}: deeper than {DEPTH_MAX}; make two rules of it")
            if len(terms_of(clause)) > TERMS_MAX:
                raise ValueError(f"levels.{level}: more than {TERMS_MAX} terms; make two rules of it")
        return self

    @property
    def terms(self) -> list[Term]:
        """All terms, each once, in the order of the levels."""
        return list(dict.fromkeys(term for clause in self.levels.values() for term in terms_of(clause)))


def terms_of(clause: Clause) -> list[Term]:
    """Return the terms of a clause from left to right."""
    if isinstance(clause, Term):
        return [clause]
    if isinstance(clause, Not):
        return terms_of(clause.negated)
    parts = clause.all_of if isinstance(clause, AllOf) else clause.any_of
    return [term for part in parts for term in terms_of(part)]


def depth(clause: Clause) -> int:
    """Return how deep clauses lie within each other."""
    if isinstance(clause, Term):
        return 1
    if isinstance(clause, Not):
        return 1 + depth(clause.negated)
    return 1 + max(depth(part) for part in (clause.all_of if isinstance(clause, AllOf) else clause.any_of))


def holds(clause: Clause, counts: dict[Term, int], heard: dict[Term, int]) -> bool:
    """Tell whether a clause holds, by how many sensors count for each term, and how many of those are still heard."""
    if isinstance(clause, Term):
        return counts[clause] >= clause.sensors
    if isinstance(clause, Not):
        return not holds(clause.negated, heard, heard)
    if isinstance(clause, AllOf):
        return all(holds(part, counts, heard) for part in clause.all_of)
    return any(holds(part, counts, heard) for part in clause.any_of)


def needed_terms(clause: Clause) -> list[Term]:
    """Return terms without all of which the clause cannot hold, as far as they are plain to see."""
    if isinstance(clause, Term):
        return [clause]
    return [term for part in clause.all_of for term in needed_terms(part)] if isinstance(clause, AllOf) else []


def has_not(clause: Clause) -> bool:
    """Tell whether a clause hangs on something that is not so."""
    if isinstance(clause, Term):
        return False
    return isinstance(clause, Not) or any(
        has_not(part) for part in (clause.all_of if isinstance(clause, AllOf) else clause.any_of)
    )


STATE = np.dtype([("severity", "i1"), ("raised", "i8"), ("changed", "i8")])
