"""Named places at which a test lets something go wrong: exactly there, and not at some instant nearby.

LIFELINE_FAILPOINTS says what, and is for tests alone; where it is not set, `reach` does nothing:

    LIFELINE_FAILPOINTS=batch-committed=kill@3,evaluation-before-commit=raise:deadlock

`place=action@visit`, with commas between them. The action happens at that visit of the place by the process, counted
from 1, and at no other; without `@visit` at the first. A process that is given another word ends at once and says so.

Places:

    batch-before-commit       a batch or tick is written and its transaction still open
    batch-committed           a batch with messages is committed and none of them acknowledged
    evaluation-before-commit  transitions and cursor are written and their transaction still open
    evaluation-committed      transitions and cursor are committed, and the evaluator does not know it yet
    within-migration          a migration's file was run and its transaction is still open
    between-migrations        a migration is committed, and the next one not begun

Actions:

    kill                 the end that nobody can prepare for (SIGKILL)
    raise:serialization  as the database says that a transaction has to be tried again
    raise:deadlock       as it says that two have waited for each other
    raise:connection     as asyncpg says that the connection was lost, and with it the answer
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

VARIABLE = "LIFELINE_FAILPOINTS"
Place = Literal[
    "batch-before-commit",
    "batch-committed",
    "evaluation-before-commit",
    "evaluation-committed",
    "within-migration",
    "between-migrations",
]
Traps: TypeAlias = Mapping[tuple[str, int], str]  # the action by place and visit

KILL = "kill"
ERRORS = {
    "raise:serialization": "SerializationError",
    "raise:deadlock": "DeadlockDetectedError",
    "raise:connection": "ConnectionDoesNotExistError",
}
_ENTRY = re.compile(r"([^=@]+)=([^=@]+)(?:@([1-9][0-9]{0,8}))?")


class FailpointError(ValueError):
    """What LIFELINE_FAILPOINTS asks for does not exist; the text says which word, and what there is."""


def read_traps(text: str) -> Traps:
    """Return what a text asks for, in the form above; nothing for an empty one. Raises FailpointError."""
    traps: dict[tuple[str, int], str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise FailpointError(f"{VARIABLE}: {entry!r} is not of the form place=action@visit; correct or unset it")
        place, action, visit = found.groups()
        for what, word, known in (("place", place, get_args(Place)), ("action", action, (KILL, *ERRORS))):
            if word not in known:
                raise FailpointError(f"{VARIABLE}: there is no {what} {word!r}; there are {', '.join(known)}")
        traps[place, int(visit or 1)] = action
    return traps


def reach(place: Place) -> None:
    """Let happen what is asked for at this visit of the place. Raises what asyncpg would."""
    if _traps:
        _spring(place)


def _spring(place: Place) -> None:
    _visits[place] += 1
    action = _traps.get((place, _visits[place]))
    if action == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    elif action is not None:
        import asyncpg

        raise getattr(asyncpg, ERRORS[action])(f"failpoint {place}")


_visits: Counter[str] = Counter()
try:
    _traps = read_traps(os.environ.get(VARIABLE, ""))
except FailpointError as error:
    raise SystemExit(f"lifeline: {error}") from None
