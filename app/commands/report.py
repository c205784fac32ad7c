"""`lifeline report`: the month's report on the alarm system, to print or as CSV."""

import argparse
from pathlib import Path
from typing import Any

from app.api.modes import REAL_AND_TEST
from app.clock import clock
from app.commands.output import CommandError, progress, run_async
from app.performance import InvalidMonth, TooManyLines, monthly_documents
from app.report import report_csv, report_html
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.vocabulary import MODES
from store.positions import find_positions
from store.status import read_cities

ALL = ["*"]
FORMS = (".html", ".csv")


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommand."""
    reporting = commands.add_parser(
        "report", help="the month's report on the alarm system",
        description="Write the figures of the alarm system over a month, by operator's position: rates, floods, the "
        "ten\nmost frequent alarms, chattering, fleeting and standing ones, priorities, times of people, judgements\n"
        "and suppressions, each beside its commonly cited target. A page to print (.html) or .csv. The\npresent month "
        "goes up to now. Exercises are left out unless --city names one.",
        epilog="example: lifeline report --month 2026-11 --city jiayuguan --language zh --out report.html",
    )  # fmt: skip
    reporting.add_argument("--month", required=True, metavar="MONTH", help="like 2026-11, in each city's time zone")
    reporting.add_argument("--city", metavar="CITY", help="all cities if left out")
    reporting.add_argument("--language", choices=("en", "zh"), default="en", help="of the page (default en)")
    reporting.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.html or FILE.csv")
    reporting.set_defaults(run=lambda chosen: run_async(_report(chosen)))


async def _report(chosen: argparse.Namespace) -> int:
    form = chosen.out.suffix.lower()
    if form not in FORMS:
        raise CommandError(f"{chosen.out}: the ending says which form; use .html or .csv")
    modes = MODES if chosen.city else REAL_AND_TEST
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
    ):
        cities = [one for one in await read_cities(connection, ALL) if chosen.city in (None, one.city)]
        if chosen.city and not cities:
            raise CommandError(f"city {chosen.city!r} is not registered; lifeline sensors list names those that are")
        positions = [one for one in await find_positions(connection, ALL) if chosen.city in (None, one.city)]
        try:
            documents = await monthly_documents(connection, positions, cities, chosen.month, clock(), modes, ALL)
        except InvalidMonth as error:
            raise CommandError(str(error)) from None
        except TooManyLines as error:
            raise CommandError(f"{error} in {chosen.month}; report one city at a time with --city") from None
    if form == ".csv":
        chosen.out.write_text(
            report_csv(documents), "utf-8-sig", newline=""
        )  # with the mark that spreadsheets look for
    else:
        chosen.out.write_text(report_html(documents, chosen.month, chosen.language, in_file=True), "utf-8")
    print(f"{sum(len(one['positions']) for one in documents)} positions reported")
    return 0
