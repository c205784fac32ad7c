"""What migrations make of a database, as tests compare it."""

from collections.abc import Callable
from typing import Any

import asyncpg

from migrations.runner import Files, migrate, migration_files


def until(name: str) -> Files:
    """This version's migrations up to and with one."""
    return [file for file in migration_files() if file[0] <= name]


async def migrated(url: str, files: Files | None = None, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Bring a database up to this version, or as far as the `files` go; return the names applied."""
    connection = await asyncpg.connect(url)
    try:
        return await migrate(connection, progress, files)
    finally:
        await connection.close()


async def schema(url: str) -> list[tuple[Any, ...]]:
    """All that migrations make: columns, constraints, indexes, triggers, functions, views, and which were applied."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "select 'column', table_name::text, column_name::text, ordinal_position::text, data_type::text,"
            " is_nullable, column_default::text from information_schema.columns where table_schema = 'public'"
            " union all select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''"
            " from pg_constraint where connamespace = 'public'::regnamespace"
            " union all select 'index', tablename, indexname, indexdef, '', '', '' from pg_indexes"
            " where schemaname = 'public'"
            " union all select 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '', ''"
            " from pg_trigger where not tgisinternal and tgrelid::regclass::text !~ '_timescaledb'"
            " union all select 'function', proname, prosrc, '', '', '', '' from pg_proc p"
            " where pronamespace = 'public'::regnamespace and not exists (select from pg_depend d where d.objid = p.oid"
            " and d.deptype = 'e') union all select 'view', viewname, definition, '', '', '', '' from pg_views"
            " where schemaname = 'public' union all select 'migration', name, checksum, compatible::text, '', '', ''"
            " from lifeline_migration order by 1, 2, 3, 4"
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()
