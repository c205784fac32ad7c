"""The API of Lifeline, typed, in sync and async form: `Client` and `AsyncClient` have the same methods."""

from lifeline_client.client import AsyncClient, Client
from lifeline_client.errors import (
    Conflict,
    Forbidden,
    IncompleteExport,
    Invalid,
    LifelineError,
    NotFound,
    ProblemError,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from lifeline_client.events import Reset, Transition
from lifeline_client.requests import Patience

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "Forbidden",
    "IncompleteExport",
    "Invalid",
    "LifelineError",
    "NotFound",
    "Patience",
    "ProblemError",
    "Reset",
    "Transition",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
]
