"""Due: a date of the sensor (its next calibration or inspection) has passed, judged on the log's arrival clock.

The alarm's time is the date itself, or the end of the occurrence before it where that is later. It returns when the
date is moved on, at the log's clock that finds it so. Silence and gaps of the clock change nothing: dates pass anyway.
"""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from alerts.conditions.ladder import NEVER
from alerts.words import Part


class Due(Part):
    """An instrument alarm when a date that stands with the sensor has passed, such as that of its next calibration."""

    kind: Literal["due"]
    attribute: Annotated[str, Field(pattern=r"^\S{1,64}$")] = "calibration_due"


# `date`: the date for which the occurrence stands; `ended`: when the occurrence before it returned.
STATE = np.dtype([("severity", "i1"), ("raised", "i8"), ("date", "i8"), ("ended", "i8")])


class Passed(NamedTuple):
    """A date that passed (severity 1) or was moved on (severity 0): of which binding, when, and known when."""

    binding: int
    time: int
    severity: int
    raised: int
    known_at: int


def new_state(bindings: int) -> NDArray[Any]:
    """Return the state of `bindings` bindings whose dates have not been looked at."""
    state = np.zeros(bindings, STATE)
    for name in ("raised", "date", "ended"):
        state[name] = NEVER
    return state


def judge(clock: int, arrived: NDArray[np.int64], dates: NDArray[np.int64], states: NDArray[Any]) -> list[Passed]:
    """Judge all bindings by a batch that arrived at `arrived` (n,) and ended at `clock`; changes `states` in place.

    `dates` (bindings,) in epoch milliseconds. What is known is known at the first arrival after the date, so that it
    does not hang on how the log was cut into batches.
    """
    raised = states["raised"] != NEVER
    found = []
    for binding in np.flatnonzero(raised & (states["date"] != dates)).tolist():
        state = states[binding]
        now = int(arrived[0]) if len(arrived) else clock
        now = max(now, int(state["raised"]))
        found.append(Passed(binding, now, 0, int(state["raised"]), now))
        state["severity"], state["raised"], state["date"], state["ended"] = 0, NEVER, NEVER, now
        raised[binding] = False
    for binding in np.flatnonzero(~raised & (dates < clock)).tolist():
        state, date = states[binding], int(dates[binding])
        later = int(np.searchsorted(arrived, date, side="right"))
        known_at = int(arrived[later]) if later < len(arrived) else clock
        time = max(date, int(state["ended"]))
        state["severity"], state["raised"], state["date"] = 1, time, date
        found.append(Passed(binding, time, 1, time, max(known_at, time)))
    return found
