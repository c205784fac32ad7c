"""What the commands that verify a chain have in common: the head that they are given, and how they tell the verdict."""

import argparse
import json
import re
from collections.abc import Awaitable, Callable

from app.commands.output import progress
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.chain import Head, Verdict
from store.pool import Connection

_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


def add_chain_arguments(verifying: argparse.ArgumentParser, number: str) -> None:
    """Add --head and --json; `number` is what the number of a row is called."""
    verifying.add_argument("--head", type=_head, metavar=f"{number}:HASH", help="of an earlier verification")
    verifying.add_argument("--json", action="store_true", help="for machines")


async def verify_in_database(
    verify: Callable[[Connection, Head | None], Awaitable[Verdict]], chosen: argparse.Namespace, number: str
) -> int:
    """Verify the service's chain as of one moment, tell the verdict and return the exit code."""
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        verdict = await verify(connection, chosen.head)
    return tell_verdict(verdict, number, as_json=chosen.json)


def tell_verdict(verdict: Verdict, number: str, *, as_json: bool) -> int:
    """Print what was found and return the exit code: 0 where the chain holds, else 1."""
    broken = verdict.broken
    if as_json:
        print(json.dumps({
            "holds": broken is None, "rows": verdict.rows, "first": verdict.first, number: verdict.last,
            "hash": verdict.hash, "broken": None if broken is None else {number: broken.number, "why": broken.why},
        }))  # fmt: skip
    elif broken is None:
        span = "no rows" if verdict.first is None else f"{verdict.rows} rows, {verdict.first} to {verdict.last}"
        print(f"the chain holds: {span}")
        print(f"head {verdict.last}:{verdict.hash}")
    if broken is not None:
        progress(f"row {broken.number} breaks the chain: {broken.why}")
    return 0 if broken is None else 1


def _head(text: str) -> Head:
    """An argument like 1204:b5bb…: the number of a row and its hash."""
    found = _HEAD.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no head; give one as it was printed: a number, a colon, a hash")
    return int(found[1]), found[2]
