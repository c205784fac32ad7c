"""`lifeline incident`: the timeline of an incident, as a page that opens without a server."""

import argparse
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from app.timeline.page import timeline_html
from app.timeline.timeline import TimelineLimits, timeline_of
from model.area import EVERYWHERE


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommand."""
    incident = commands.add_parser(
        "incident", help="the timeline of an incident",
        description="What became known of an incident when, and who did what.",
        epilog="example: lifeline incident timeline i.water-burst.WATER-0007.20261122T080000000Z --out timeline.html",
    )  # fmt: skip
    actions = incident.add_subparsers(dest="action", metavar="ACTION", required=True)
    timeline = actions.add_parser(
        "timeline", help="write an incident's timeline as a page",
        description="Write readings, alarms, messages and acts of an incident in the order in which they became known, "
        "as\none page that opens without a server and can be printed.",
        epilog="example: lifeline incident timeline i.water-burst.WATER-0007.20261122T080000000Z --language zh "
        "--out timeline.html",
    )  # fmt: skip
    timeline.add_argument("incident", metavar="INCIDENT", help="its id, as /api/v1/incidents and the console have it")
    timeline.add_argument("--language", choices=("en", "zh"), default="en", help="of the page (default en)")
    timeline.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.html")
    timeline.set_defaults(run=lambda chosen: run_async(_timeline(chosen)))


async def _timeline(chosen: argparse.Namespace) -> int:
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
    ):
        found = await timeline_of(connection, chosen.incident, [EVERYWHERE], TimelineLimits())
    if found is None:
        raise CommandError(
            f"incident {chosen.incident!r} does not exist; the console's incidents view names those that do"
        )
    chosen.out.write_text(timeline_html(found, chosen.language), "utf-8")
    print(f"{len(found.entries)} entries" + ("" if found.cut_at is None else ", cut: there are more than fit"))
    return 0
