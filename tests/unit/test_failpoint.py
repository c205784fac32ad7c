"""Failpoints: nothing without their variable, what was asked for at the visit asked for, and no word misunderstood."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import asyncpg
import pytest

from model import failpoint
from model.failpoint import ERRORS, KILL, VARIABLE, FailpointError, Place, reach, read_traps

ROOT = Path(__file__).parents[2]
PLACES = get_args(Place)
VISIT_TWICE = "from model.failpoint import reach; reach('batch-committed'); print('once', flush=True)"
VISIT_TWICE += "; reach('batch-committed'); print('twice', flush=True)"


def visiting(variable: str | None) -> subprocess.CompletedProcess[str]:
    """A process that visits the place batch-committed twice."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", VISIT_TWICE],
        env=environment if variable is None else environment | {VARIABLE: variable},
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_without_the_variable_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoint, "_spring", lambda place: pytest.fail(f"{place} was looked at"))
    for place in PLACES:
        reach(place)


@pytest.mark.parametrize(
    ("variable", "said", "ends"),
    [
        (None, "once\ntwice\n", 0),
        ("", "once\ntwice\n", 0),
        ("batch-committed=kill@3", "once\ntwice\n", 0),
        ("batch-before-commit=kill", "once\ntwice\n", 0),
        ("batch-committed=kill", "", -signal.SIGKILL),
        ("batch-before-commit=kill, batch-committed=kill@2", "once\n", -signal.SIGKILL),
        ("batch-committed=raise:deadlock@2", "once\n", 1),
    ],
)
def test_it_happens_at_the_visit_asked_for(variable: str | None, said: str, ends: int) -> None:
    found = visiting(variable)
    assert (found.stdout, found.returncode) == (said, ends)


@pytest.mark.parametrize("action", ERRORS)
def test_what_is_raised_is_what_the_database_would_raise(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoint, "_traps", read_traps(f"batch-before-commit={action}"))
    monkeypatch.setattr(failpoint, "_visits", type(failpoint._visits)())
    with pytest.raises(getattr(asyncpg, ERRORS[action]), match="failpoint batch-before-commit"):
        reach("batch-before-commit")
    reach("batch-before-commit")  # the next visit is spared


@pytest.mark.parametrize(
    ("text", "traps"),
    [
        ("", {}),
        (" , ", {}),
        ("batch-committed=kill@3", {("batch-committed", 3): KILL}),
        (
            "batch-committed=kill@3,batch-committed=raise:connection@2,within-migration=kill",
            {
                ("batch-committed", 3): KILL,
                ("batch-committed", 2): "raise:connection",
                ("within-migration", 1): KILL,
            },
        ),
    ],
)
def test_what_is_understood(text: str, traps: object) -> None:
    assert read_traps(text) == traps


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("comitted=kill", "there is no place 'comitted'; there are batch-before-commit, batch-committed, "),
        ("batch-committed=explode", "there is no action 'explode'; there are kill, raise:serialization, "),
        ("batch-committed=raise", "there is no action 'raise'"),
        ("batch-committed", "'batch-committed' is not of the form place=action@visit"),
        ("batch-committed=kill@0", "is not of the form"),
        ("batch-committed=kill@-1", "is not of the form"),
        ("batch-committed=kill@2@3", "is not of the form"),
        ("batch-committed=kill;within-migration=kill", "is not of the form"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(FailpointError, match=f"^{VARIABLE}: .*{re.escape(why)}"):
        read_traps(text)


def test_a_process_that_is_given_a_wrong_word_ends_in_one_sentence() -> None:
    found = visiting("comitted=kill")
    assert (found.stdout, found.returncode) == ("", 1)
    assert re.fullmatch(r"lifeline: LIFELINE_FAILPOINTS: there is no place 'comitted'; there are .*\n", found.stderr)


def test_every_place_is_in_the_code_once_and_in_the_words() -> None:
    sources = [
        path for room in ("alerts", "app", "ingest", "migrations", "store") for path in ROOT.glob(f"{room}/**/*.py")
    ]
    reached = [name for path in sources for name in re.findall(r'\breach\("([^"]+)"\)', path.read_text("utf-8"))]
    assert sorted(reached) == sorted(PLACES)
    words = failpoint.__doc__ or ""
    assert all(f"\n    {word} " in words for word in (*PLACES, KILL, *ERRORS))
