"""Evidence of a decision: a case with all that is recorded of it, and what it shows once it is evaluated anew."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
from pydantic import ValidationError

from alerts.explaining.case import Case
from alerts.explaining.concern import NotBound
from alerts.explaining.explanation import explain
from alerts.explaining.reproduction import Differs, reproduce
from alerts.explaining.words import words_of
from model.chain import hash_of
from model.instant import format_instant
from model.journal_chain import ChainedLine
from model.suppression import Suppression

LIFELINE = version("lifeline")
ERROR_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Evidence:
    """A case whose batches are as the log had them, and what is recorded of it.

    `alarm` is None where it is shown why none fired; `case.time` is the time that is explained. The lines come from the
    batches up to sequence `through`; what is behind has come since. `suppressions` are people's, at the sensors of the
    alarms, each with the end that it had. `lines` are those of the alarm and of what suppressed it, by event.
    `activations` tell who put which rules into force, oldest first; since `bindings_since` it was kept what the engine
    was bound to: before, the oldest that is known is taken. `left_out` names rules that suppress and watch too many
    sensors to be in the case. `explanation` is as it was told by the version `lifeline`.
    """

    alarm: str | None
    case: Case
    through: int
    passage_readings_max: int
    suppressions: tuple[Suppression, ...]
    lines: tuple[ChainedLine, ...]
    activations: tuple[dict[str, str | int | None], ...]
    left_out: tuple[str, ...]
    bindings_since: int | None
    explanation: Any
    lifeline: str = LIFELINE


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when a file of evidence was evaluated anew.

    The explanation was compared if it is of this version: another, `lifeline`, may tell the same otherwise.
    """

    alarm: str | None
    rule: str
    sensor: str
    time: str
    rule_versions: list[str]
    readings: int
    batches: int
    lines: int
    lines_made: int
    acts: int
    severity: int | None
    begins: str | None
    bindings_since: str | None
    left_out: list[str]
    lifeline: str


def show(evidence: Evidence) -> Shown:
    """Evaluate evidence anew and return what it shows. Raises Differs where that is not what is recorded."""
    case = evidence.case
    for place, line in enumerate(evidence.lines):
        if hash_of(line) != line.hash:
            raise Differs(place, f"event {line.event} is not what the journal's chain has: its hash is another")
    texts = [line.line for line in evidence.lines]
    try:
        made = reproduce(case, evidence.through, evidence.suppressions, texts, evidence.passage_readings_max)
        told = told_of(case)
    except Differs:
        raise
    except Exception as error:  # whatever somebody has put into a file, it is said of the file
        raise Differs(None, f"its parts do not fit together: {in_a_sentence(error)}") from error
    recorded = {line.alarm for line in evidence.lines}
    fired = {one.alarm for one in made.standing if (one.rule, one.sensor) == (case.rule, case.sensor)}
    if missing := ({evidence.alarm} if evidence.alarm else fired) - recorded:
        raise Differs(None, f"nothing is recorded of {sorted(missing)[0]}")
    if evidence.lifeline == LIFELINE and told != evidence.explanation:
        raise Differs(None, "the explanation is not the one that comes out")
    rules = (rule for period in case.periods for pack in period.packs for rule in pack.rules)
    versions = {rule.version for rule in rules if rule.rule == case.rule}
    return Shown(
        alarm=evidence.alarm,
        rule=case.rule,
        sensor=case.sensor,
        time=format_instant(case.time),
        rule_versions=sorted(versions),
        readings=sum(map(len, case.batches)),
        batches=len(case.batches),
        lines=len(evidence.lines),
        lines_made=made.made,
        acts=made.acts,
        severity=told["then"]["severity"] if "then" in told else None,
        begins=None if case.begins is None else format_instant(case.begins),
        bindings_since=None if evidence.bindings_since is None else format_instant(evidence.bindings_since),
        left_out=list(evidence.left_out),
        lifeline=evidence.lifeline,
    )


def in_a_sentence(error: Exception) -> str:
    """Return what an error says, that was met in a file from elsewhere, in one line and not too long."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        text = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    elif type(error) is KeyError:
        text = f"{error} is not known"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())[:ERROR_CHARACTERS_MAX]


def told_of(case: Case) -> Any:
    """Return the explanation of a case, with its words, as JSON has it."""
    try:
        explanation = explain(case)
    except NotBound as error:
        return {"not_bound": str(error)}
    told = msgspec.json.decode(msgspec.json.encode(explanation))  # with lists where it has tuples
    return {**told, "words": {language: words_of(explanation, language) for language in ("en", "zh")}}
