"""Migrations are killed, within a file and between two, or run twice at once: run again, they end at the same schema.

The upgrade while ingest runs is in tests/integration/test_upgrade.py.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from migrations.runner import migration_files
from model import failpoint
from tests.faults.seeds import TRUE_DURATIONS, chance, each_seed
from tests.integration.schema import migrated, schema

END_S_MAX = 120.0
MIGRATING = """
import asyncio, sys, asyncpg
from migrations.runner import migrate

async def run():
    await migrate(await asyncpg.connect(sys.argv[1]))

asyncio.run(run())
"""
FILES = migration_files()
NAMES = [name for name, _ in FILES]


def test_case_16_run_at_once_they_are_applied_once(bare_database_urls: Callable[[], str]) -> None:
    async def run() -> None:
        url, fresh = bare_database_urls(), bare_database_urls()
        applied = await asyncio.gather(*(migrated(url) for _ in range(4)))
        assert sorted(name for names in applied for name in names) == NAMES
        await migrated(fresh)
        assert await schema(url) == await schema(fresh)

    asyncio.run(run())


@each_seed
def test_case_16_killed_within_a_file_and_between_two(seed: int, bare_database_urls: Callable[[], str]) -> None:
    """Of the file in which it is killed nothing stays; of the ones before it everything does."""
    instants = chance(seed)
    numbers = range(len(FILES)) if TRUE_DURATIONS else sorted(instants.sample(range(len(FILES)), 3))
    print("killed at", ", ".join(NAMES[number] for number in numbers))

    async def run() -> None:
        url, fresh = bare_database_urls(), bare_database_urls()
        for number in numbers:
            await migrated(url, FILES[:number])
            before = await schema(url)
            assert await _migrating(url, "within-migration=kill") == -signal.SIGKILL
            assert await schema(url) == before
            assert await _migrating(url, "between-migrations=kill") == -signal.SIGKILL
            assert [row[1] for row in await schema(url) if row[0] == "migration"] == NAMES[: number + 1]
        await migrated(url)
        await migrated(fresh)
        assert await schema(url) == await schema(fresh)

    asyncio.run(run())


@each_seed
def test_case_16_two_at_once_and_one_of_them_killed(seed: int, bare_database_urls: Callable[[], str]) -> None:
    """Whichever has its turn first is killed, or neither is where the other was faster; who is left does the rest."""
    place = chance(seed).choice(["within-migration", "between-migrations"])

    async def run() -> None:
        url, fresh = bare_database_urls(), bare_database_urls()
        killed, whole = await asyncio.gather(_migrating(url, f"{place}=kill@5"), _migrating(url, ""))
        assert killed in (0, -signal.SIGKILL)
        assert whole == 0
        await migrated(fresh)
        assert await schema(url) == await schema(fresh)

    asyncio.run(run())


async def _migrating(url: str, failpoints: str) -> int:
    """Migrate in a process of its own and return its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MIGRATING, url,
        cwd=Path(__file__).parents[2], env={**os.environ, failpoint.VARIABLE: failpoints},
    )  # fmt: skip
    return await asyncio.wait_for(process.wait(), END_S_MAX)
