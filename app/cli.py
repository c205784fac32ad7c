"""`lifeline`, the one command: reads the arguments, runs the subcommand, turns errors into one sentence."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

# Which module knows which command; only the one that was asked for is imported, because some are heavy.
SUBJECTS = {
    "service": ("demo", "up", "ingest", "evaluate", "serve", "migrate", "doctor", "openapi", "asyncapi"),
    "registry": ("sensors", "cities"),
    "network": ("network",),
    "retention": ("retention",),
    "rules": ("rules",),
    "simulate": ("simulate",),
    "exercise": ("exercise",),
    "recordings": ("record", "replay"),
    "backtest": ("backtest",),
    "journal": ("journal",),
    "keys": ("keys",),
    "users": ("users",),
    "positions": ("positions",),
    "incident": ("incident",),
    "report": ("report",),
    "rosters": ("rosters",),
    "bench": ("bench",),
    "quarantine": ("quarantine",),
    "notifications": ("notifications",),
    "backup": ("backup", "restore"),
    "audit": ("audit",),
    "evidence": ("evidence",),
    "broker": ("broker",),
}


# Errors whose own text says what, where and how to mend it, so that a traceback would only hide it. They are named and
# not imported: most commands need none of these modules.
PLAIN = {
    "model.yaml_file": "YamlFileError",
    "app.commands.output": "CommandError",
    "app.embedded.errors": "EmbeddedError",
    "app.runtime": "PortTaken",
    "app.services": "NothingRuns",
    "app.settings": "SettingsError",
    "migrations.runner": "MigrationError",
    "model.provisioning": "ImportRefused",
    "model.reading_file": "ReadingFileError",
    "model.sensor_file": "SensorFileError",
    "simulators.platforms": "UnknownPlatform",
    "simulators.publish": "BrokerUnreachable",
    "simulators.scenarios": "UnknownScenario",
    "simulators.solvers.epanet": "SolverError",
    "store.log_span": "SpanTooLarge",
    "store.pool": "DatabaseUnreachable",
    "store.rule_packs": "RuleTaken",
    "store.sensors": "OperationalCity",
}


class _Parser(argparse.ArgumentParser):
    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        sys.exit(2)


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all subcommands, or of the subject of one.

    Each subcommand sets `run`, a function of the arguments that returns the exit code.
    """
    top = _Parser(
        prog="lifeline",
        description="Monitoring of a city's lifelines. Lifeline supplements certified alarms; it never replaces them.",
        epilog="example: lifeline demo",
    )
    top.add_argument("--version", action="version", version="lifeline 0.1.0")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    known = any(command in names for names in SUBJECTS.values())
    for subject, names in SUBJECTS.items():
        if known and command not in names:
            continue
        importlib.import_module(f"app.commands.{subject}").add_parsers(commands)
    return top


def _keep_compiled_code() -> None:
    """Let numba keep what it compiles in the home, where the code's own folders are another's or read-only."""
    home = os.environ.get("LIFELINE_HOME")
    if home and not os.access(os.path.dirname(__file__), os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(home, "numba"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lifeline` and return its exit code: 0, 1 for an error, 2 for wrong usage."""
    if sys.stdout is None:
        sys.stderr.write("lifeline: standard output is closed; send it to a file or to /dev/null\n")
        return 1
    level = os.environ.get("LIFELINE_LOG", "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        sys.stderr.write(f"lifeline: LIFELINE_LOG={level} is no level; use DEBUG, INFO, WARNING or ERROR\n")
        return 2
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    _keep_compiled_code()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parser(arguments[0] if arguments else None).parse_args(arguments)
    if chosen.command not in SUBJECTS["service"]:
        from store.audit import COMMAND, origin

        origin.set(COMMAND)
    try:
        code: int = chosen.run(chosen)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; Python must not complain about it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A file or a stream that cannot be opened, read or written; the system's own words say which and why.
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"lifeline {chosen.command}: {where}{error.strerror or error}\n")
        return 1
    except Exception as error:
        if not _is_plain(error):
            raise
        sys.stderr.write(f"lifeline {chosen.command}: {error}\n")
        return 1


def _is_plain(error: Exception) -> bool:
    return any(PLAIN.get(kind.__module__) == kind.__name__ for kind in type(error).__mro__)


if __name__ == "__main__":
    sys.exit(main())
