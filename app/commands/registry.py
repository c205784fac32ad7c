"""`lifeline sensors` and `lifeline cities`: the registry, from and to files."""

import argparse
from pathlib import Path
from typing import Any

from app.commands.output import account, progress, run_async
from app.commands.plan_output import add_import_arguments, parsed, tell
from app.commands.sensor_events import add_event_parsers
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.audit import Action
from model.city_file import parse_city_file
from model.sensor_file import parse_sensor_file, write_sensor_file
from store.audit import record
from store.sensors import import_cities, load_registry, lock_registry, plan_cities, plan_sensors, write_sensors


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    sensors = commands.add_parser(
        "sensors", help="import, export or list sensors; record what was done to one",
        description="Import, export or list sensors, and record what was done to one.",
        epilog="example: lifeline sensors import sensors.csv --dry-run",
    )  # fmt: skip
    actions = sensors.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import", help="register sensors from CSV or GeoJSON",
        description="Register sensors from CSV or GeoJSON, all or none. A new city is operational unless the file's "
        "column mode says otherwise; one that is registered stays as it is. A sensor that the file does not name is "
        "left alone.",
        epilog="example: lifeline sensors import sensors.csv --dry-run",
    )  # fmt: skip
    add_import_arguments(importing)
    importing.set_defaults(run=lambda chosen: run_async(_import_sensors(chosen)))
    exporting = actions.add_parser(
        "export", help="write all sensors as CSV", description="Write all sensors as CSV.",
        epilog="example: lifeline sensors export sensors.csv",
    )  # fmt: skip
    exporting.add_argument("file", type=Path, metavar="FILE")
    exporting.set_defaults(run=lambda chosen: run_async(_export_sensors(chosen)))
    listing = actions.add_parser(
        "list", help="list sensors", description="List sensors, one a line.", epilog="example: lifeline sensors list"
    )
    listing.set_defaults(run=lambda chosen: run_async(_list_sensors(chosen)))
    add_event_parsers(actions)
    cities = commands.add_parser(
        "cities", help="import cities",
        description="Import cities: CSV with city,name and optional name_zh,time_zone,mode,province.",
        epilog="example: lifeline cities import cities.csv --dry-run",
    )  # fmt: skip
    city_actions = cities.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing_cities = city_actions.add_parser(
        "import", help="register or change cities",
        description="Register or change cities, all or none. What a row leaves empty stays as it is registered; of a "
        "new city it is time_zone Asia/Shanghai, mode operational, no province. A province, an id like gansu, is what "
        "lifeline keys create --area province:gansu goes by.",
        epilog="example: lifeline cities import cities.csv --dry-run",
    )  # fmt: skip
    add_import_arguments(importing_cities)
    importing_cities.add_argument(
        "--turn-exercises", action="store_true",
        help="let a city in operation become an exercise, and an exercise a city in operation; refused otherwise",
    )  # fmt: skip
    importing_cities.set_defaults(run=lambda chosen: run_async(_import_cities(chosen)))


async def _import_sensors(chosen: argparse.Namespace) -> int:
    file = parsed(chosen, parse_sensor_file)
    if file is None:
        return 1
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        if not chosen.dry_run:
            await lock_registry(connection)
        plan, cities, sensors = await plan_sensors(connection, file.sensors, file.cities, file.lines, file.stated)
        plan.problems += file.problems
        if not (chosen.dry_run or plan.problems):
            await write_sensors(connection, cities, sensors)
            for city in sorted({sensor.city for sensor in sensors}):
                written = sum(sensor.city == city for sensor in sensors)
                await record(
                    connection, actor=account("administrator"), action=Action.SENSORS_IMPORTED, subject=city,
                    city=city, details={"file": chosen.file.name, "sensors": written},
                )  # fmt: skip
    return tell(plan, chosen)


async def _export_sensors(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
    write_sensor_file(chosen.file, registry.sensors.values(), registry.cities)
    print(f"{len(registry.sensors)} sensors written")
    return 0


async def _list_sensors(_chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
    for sensor in sorted(registry.sensors.values(), key=lambda s: s.sensor):
        columns = (sensor.sensor, sensor.city, sensor.system, sensor.property, sensor.unit, sensor.name)
        print("\t".join([*columns, registry.mode_of(sensor)]))
    return 0


async def _import_cities(chosen: argparse.Namespace) -> int:
    file = parsed(chosen, parse_city_file)
    if file is None:
        return 1
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        if not chosen.dry_run:
            await lock_registry(connection)
        plan, cities = await plan_cities(connection, file.rows, may_turn_exercises=chosen.turn_exercises)
        plan.problems += file.problems
        plan.notes += [f"column {name} means nothing here and is left out" for name in file.ignored]
        if not (chosen.dry_run or plan.problems):
            await import_cities(connection, cities)
            for city in cities:
                await record(
                    connection, actor=account("administrator"), action=Action.CITIES_IMPORTED, subject=city.city,
                    city=city.city, details={"mode": city.mode, "time_zone": city.time_zone},
                )  # fmt: skip
    return tell(plan, chosen)
