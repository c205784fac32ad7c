"""`lifeline evidence`: the proof of why an alarm fired, or why none did, as a file; and such a file verified."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from alerts.explaining.evidence import LIFELINE, Evidence, Shown
from alerts.recovery import EvaluatorLimits
from app.cases import CaseLimits
from app.commands.chain import add_chain_arguments
from app.commands.output import CommandError, account, instant, progress, run_async
from app.evidence import NoEvidence, lines_at, lines_of_alarm, take_evidence
from app.evidence_file import EvidenceError, Verified, verify_file, written
from app.services import open_database, prepared_pool
from app.settings import Settings, load_settings
from model.audit import Action
from model.chain import Head
from store.audit import record
from store.pool import Connection


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommand."""
    evidence = commands.add_parser(
        "evidence", help="the proof of why an alarm fired, or why none did",
        usage="lifeline evidence ALARM --out FILE [--json]\n"
        "       lifeline evidence --sensor S --rule R --at T --out FILE [--json]\n"
        "       lifeline evidence verify FILE [--head LINE:HASH] [--json]",
        description="Write one file with all that a decision hung on: readings with their arrivals, rules and their\n"
        "versions, sensors, what people did, the journal. lifeline evidence verify evaluates it anew on any\n"
        "machine, without a database or network, and compares every line of the alarm's journal.",
        epilog="example: lifeline evidence methane.GAS-0001.20261122T080000000Z --out alarm.ndjson\n"
        "         lifeline evidence verify alarm.ndjson",
    )  # fmt: skip
    evidence.add_argument("alarm", nargs="?", metavar="ALARM", help="its id; or the word verify")
    evidence.add_argument("file", nargs="?", type=Path, metavar="FILE", help="to be verified")
    evidence.add_argument("--sensor", metavar="S", help="or a gateway")
    evidence.add_argument("--rule", metavar="R")
    evidence.add_argument("--at", type=instant, metavar="T", help="how the rule stood at the sensor at this time")
    evidence.add_argument("--out", type=Path, metavar="FILE")
    add_chain_arguments(evidence, "LINE")
    evidence.set_defaults(run=lambda chosen: _run(evidence, chosen))


def _run(evidence: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    question = (chosen.sensor, chosen.rule, chosen.at)
    if chosen.alarm == "verify":
        if chosen.file is None or chosen.out is not None or any(part is not None for part in question):
            evidence.error("to verify takes a FILE, and nothing but --head and --json beside it")
        return _verified(chosen.file, chosen.head, as_json=chosen.json, otherwise="")
    if chosen.out is None or chosen.file is not None or chosen.head is not None:
        evidence.error("name the file to be written with --out")
    if (chosen.alarm is None) == (None in question) or (chosen.alarm and any(part is not None for part in question)):
        evidence.error("name an alarm, or --sensor, --rule and --at together")
    return run_async(_take(chosen, load_settings()))


async def _take(chosen: argparse.Namespace, settings: Settings) -> int:
    running = EvaluatorLimits(settle_s=settings.settle_s, tick_s=settings.tick_s)
    limits = CaseLimits(settle_ms=round(running.settle_s * 1000), clock_gap_ms_max=running.clock_gap_ms_max)
    async with (
        open_database(settings, progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
    ):
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                found = await _taken(connection, chosen, limits, running.passage_readings_max)
        except NoEvidence as error:
            raise CommandError(str(error)) from None
        subject = chosen.alarm or f"{chosen.rule} {chosen.sensor}"
        await record(connection, actor=account("administrator"), action=Action.EVIDENCE_TAKEN, subject=subject,
                     details={"file": chosen.out.name})  # fmt: skip
    with chosen.out.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(written(found))
    # What an evaluator did that had fallen behind, or ran by other settings, need not come out.
    cannot = " is written and whole, but not all of it can be shown from what is kept (docs/evidence.md)"
    return _verified(chosen.out, None, as_json=chosen.json, otherwise=cannot)


async def _taken(connection: Connection, chosen: argparse.Namespace, limits: CaseLimits, readings_max: int) -> Evidence:
    if chosen.alarm is None:
        question, lines = await lines_at(connection, chosen.rule, chosen.sensor, chosen.at)
    else:
        question, lines = await lines_of_alarm(connection, chosen.alarm)
    return await take_evidence(connection, question, lines, limits, readings_max)


def _verified(path: Path, head: Head | None, *, as_json: bool, otherwise: str) -> int:
    """Verify a file, tell what it shows and return the exit code; `otherwise` is said before why it does not hold."""
    try:
        found = verify_file(path, head)
    except EvidenceError as error:
        if as_json:
            print(json.dumps({"holds": False, "why": str(error)}, ensure_ascii=False))
        progress(f"{path}{otherwise}: {error}")
        return 1
    if as_json:
        line, own = found.head
        told = {"holds": True, "line": line, "hash": own, "bytes": found.size, **msgspec.to_builtins(found.shown)}
        print(json.dumps(told, ensure_ascii=False))
    else:
        _tell(found)
    return 0


def _tell(found: Verified) -> None:
    shown = found.shown
    print(f"it holds: {found.size} bytes in {found.head[0]} lines")
    print(f"about: {shown.alarm or f'rule {shown.rule} at {shown.sensor}'}, explained as of {shown.time}")
    print(f"{shown.readings} readings in {shown.batches} batches of the log")
    print(f"rule version {', '.join(shown.rule_versions)}")
    if shown.lines:
        print(f"{shown.lines_made} journal lines reproduced, {shown.acts} acts of people in their places")
    else:
        print(f"no alarm stood; the condition, evaluated anew, was {'active' if shown.severity else 'not active'}")
    for note in _notes(shown):
        print(f"note: {note}")
    print(f"head {found.head[0]}:{found.head[1]}")


def _notes(shown: Shown) -> list[str]:
    notes = []
    if shown.begins is not None:
        notes.append(f"readings before {shown.begins} are not in it")
    if shown.bindings_since is not None:
        notes.append(
            f"what rules and sensors were before {shown.bindings_since} is not known; the oldest known stand for it"
        )
    if shown.lifeline != LIFELINE:
        notes.append(f"its explanation is of Lifeline {shown.lifeline}, this is {LIFELINE}: it was not compared")
    if shown.left_out:
        notes.append(f"not looked at, because they watch too many sensors: {', '.join(shown.left_out)}")
    return notes
