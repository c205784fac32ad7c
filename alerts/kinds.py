"""The table of signal kinds: a new kind is a module in alerts/conditions and a line here and in rules.Condition."""

from collections.abc import Callable
from typing import Any, Protocol, get_args

import numpy as np

from alerts.conditions import (
    deviation,
    displacement,
    drift,
    forecast,
    median_distance,
    night_flow,
    noisy,
    rain,
    rate,
    seasonal,
    shift,
    step,
)
from alerts.words import Signal
from model.sensor import Sensor


class SignalKind(Protocol):
    """What a module of alerts/conditions offers, as alerts/conditions/__init__.py says."""

    @property
    def Condition(self) -> type[Signal]:
        """The words of the kind."""

    @property
    def USES_LOCAL_TIME(self) -> bool:
        """Whether the kernel looks at civil time."""

    @property
    def PARAMETERS(self) -> np.dtype[Any]:
        """What the kernel is told of a binding."""

    @property
    def STATE(self) -> np.dtype[Any]:
        """What the kernel knows of a binding."""

    @property
    def walk(self) -> Callable[..., int]:
        """The kernel."""

    def parameters(self, condition: Any, sensor: Sensor) -> tuple[Any, ...] | None:
        """Return one element of PARAMETERS, None where the sensor lacks what the rule needs."""

    def memory_width(self, condition: Any, sensor: Sensor) -> int:
        """Return how many numbers a binding remembers besides its state."""


SIGNAL_KINDS: tuple[SignalKind, ...] = (
    deviation,
    displacement,
    drift,
    forecast,
    median_distance,
    night_flow,
    noisy,
    rain,
    rate,
    seasonal,
    shift,
    step,
)


def name_of(kind: SignalKind) -> str:
    """Return the kind's name in rule files and journals."""
    return str(get_args(kind.Condition.model_fields["kind"].annotation)[0])
