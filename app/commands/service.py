"""`lifeline demo`, `up`, `ingest`, `evaluate`, `serve`, `migrate`, `doctor` and `openapi`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from app.commands.output import progress, run_async, speed
from app.services import open_database, prepared_pool
from app.settings import load_settings
from ingest.decoders.mapping import load_mappings
from ingest.settings import broker_address

if TYPE_CHECKING:
    from app.runtime import Running

DEMO_LASTS = "36500d"


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    demo = commands.add_parser(
        "demo", help="everything, with a simulated city",
        description="Start everything on this machine, with a simulated city of mode test.",
        epilog="example: lifeline demo --speed 10",
    )  # fmt: skip
    demo.add_argument("--platform", default="jiayuguan", metavar="P", help="jiayuguan (the default), jinchang, yunnan")
    demo.add_argument("--scenario", default="demo", metavar="S", help="demo (the default), everything, …")
    demo.add_argument("--speed", type=speed, default=1.0, metavar="X", help="simulated seconds in one (1)")
    demo.set_defaults(run=lambda chosen: _up(demo=chosen))
    up = commands.add_parser(
        "up", help="everything", epilog="example: LIFELINE_PORT=8080 lifeline up",
        description="Start broker and database if none is configured, then ingest, alarm engine, API and console.",
    )  # fmt: skip
    up.set_defaults(run=lambda _chosen: _up())
    for part, text in (
        ("ingest", "take readings off the broker into the store"),
        ("evaluate", "follow the log of batches and raise alarms"),
        ("serve", "serve the API and the console"),
    ):
        alone = commands.add_parser(
            part, help=text, epilog=f"example: LIFELINE_DATABASE_URL=postgresql://… lifeline {part}",
            description=f"{text[0].upper()}{text[1:]}; one part alone, for deployments on several machines.",
        )  # fmt: skip
        alone.set_defaults(run=lambda _chosen, part=part: _up((part,)))
    migrating = commands.add_parser(
        "migrate", help="bring the database to this version's schema", epilog="example: lifeline migrate",
        description="Bring the database to this version's schema; doing it twice does no harm.",
    )  # fmt: skip
    migrating.set_defaults(run=lambda _chosen: run_async(_migrate()))
    doctor = commands.add_parser(
        "doctor", help="what is configured and reachable, and what to do", epilog="example: lifeline doctor",
        description="Say what is configured, reachable and of which version, and what to do about the rest.",
    )  # fmt: skip
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(run=_doctor)
    openapi = commands.add_parser(
        "openapi", help="print the OpenAPI document", epilog="example: lifeline openapi > openapi.json",
        description="Print the OpenAPI document, without starting anything.",
    )  # fmt: skip
    openapi.set_defaults(run=_openapi)
    document = commands.add_parser(
        "asyncapi", help="print the AsyncAPI document of what is taken over MQTT",
        description="Print the AsyncAPI document of topics and payloads, without starting anything.",
        epilog="example: lifeline asyncapi > asyncapi.json",
    )  # fmt: skip
    document.set_defaults(run=_asyncapi)


def _up(parts: Collection[str] | None = None, demo: argparse.Namespace | None = None) -> int:
    # Where scipy is installed, as for development, numba loads its linear algebra: 13 MB that no kernel of ours uses.
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]
    from app.runtime import PARTS, end_with_parent, run

    parts = parts or PARTS
    if os.environ.get("LIFELINE_END_WITH_PARENT"):
        end_with_parent()
    settings = load_settings()
    if settings.mappings and "ingest" in parts:
        load_mappings(settings.mappings)  # what is wrong with them is said before anything starts
    if demo is not None:
        _check(demo)

    async def work() -> int:
        await run(settings, parts, progress, lambda running: _ready(running, parts, demo))
        progress("stopped")
        return 0

    return run_async(work())


def _check(demo: argparse.Namespace) -> None:
    """Say what is wrong with the names of a demo before anything starts."""
    from simulators.platforms import load_platform
    from simulators.scenarios import load_scenario

    load_platform(demo.platform)
    load_scenario(demo.scenario)


async def _ready(running: Running, parts: Collection[str], demo: argparse.Namespace | None) -> None:
    settings, services = running.settings, running.services
    address = f"http://{settings.host}:{settings.port}"
    if demo is not None:
        from app.commands.first_users import demo_key

        key = await demo_key(running)
        print(f"Lifeline is up: {address}/#key={key}", flush=True)
        print(f"  demo log-in (API key, role supervisor): {key}", flush=True)
    elif "serve" in parts:
        print(f"Lifeline is up: {address}/", flush=True)
        print("  let people in: lifeline users create NAME --role operator", flush=True)
        print("  make a key: lifeline keys create --role operator", flush=True)
    else:
        print(f"Lifeline {', '.join(parts)} is up", flush=True)
    if "serve" in parts:
        from app.commands.first_users import print_demo_log_in, print_first_log_in

        await print_first_log_in(running)
        if demo is not None:
            await print_demo_log_in(running)
    if services.mqtt_url:
        print(
            f"  MQTT: {broker_address(services.mqtt_url)}, topics lifeline/{{city}}/{{system}}/{{sensor}}", flush=True
        )
    print(f"  database: {services.database}", flush=True)
    print("  Lifeline supplements certified gas alarms and safety systems; it never replaces them.", flush=True)
    print("  Ctrl-C stops it; the data stays.", flush=True)
    if demo is not None:
        await _play(demo)


async def _play(demo: argparse.Namespace) -> None:
    """Let the simulated city publish as devices do: from a process of its own, which ends with this one."""
    command = (
        sys.executable, "-m", "app.cli", "simulate", demo.platform, "--scenario", demo.scenario, "--seed", "1",
        "--duration", DEMO_LASTS, "--speed", f"{demo.speed or 1.0:g}", "--publish",
    )  # fmt: skip
    environment = {**os.environ, "LIFELINE_END_WITH_PARENT": "1"}
    city = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    try:
        if await city.wait():
            progress(f"the simulated city has ended; to see why: lifeline {' '.join(command[3:])}")
    finally:
        if city.returncode is None:
            city.terminate()
            await city.wait()


async def _migrate() -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress):
        print("the database has this version's schema")
    return 0


def _doctor(chosen: argparse.Namespace) -> int:
    from app.doctor import diagnose

    findings = asyncio.run(diagnose(load_settings()))
    if chosen.json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{'ok ' if finding.good else 'NO '} {finding.subject}: {finding.text}")
            if finding.remedy:
                print(f"      {finding.remedy}")
    return 0 if all(finding.good for finding in findings) else 1


def _openapi(_chosen: argparse.Namespace) -> int:
    from app.api.application import ApiContext, create_app

    application = create_app(ApiContext.without_services())
    print(json.dumps(application.openapi(), indent=2, ensure_ascii=False))
    return 0


def _asyncapi(_chosen: argparse.Namespace) -> int:
    from ingest.asyncapi import asyncapi

    mappings = load_settings().mappings
    document = asyncapi(mappings=load_mappings(mappings) if mappings else ())
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
