"""Who may publish and read what at the broker, from the registry: each device as itself, a gateway for its sensors.

Pure: a registry goes in, accounts come out, and the file that Mosquitto reads.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from alerts.gateways import ATTRIBUTE
from alerts.gateways import NAME as GATEWAY_NAME
from ingest.settings import SUBSCRIPTIONS
from model.registry import Registry
from model.sensor import IDENTIFIER, Sensor
from model.vocabulary import SYSTEMS

USER = re.compile(r"[A-Za-z0-9_.@:-]{1,128}")
PROBLEMS_TOLD_MAX = 20
_HEAD = """\
# Written from the registry by `lifeline broker access`; write it anew when sensors, gateways or cities change.
# Who logs in under another name, or under none, may neither publish nor read.
"""


class Account(NamedTuple):
    """Who logs in under the name `user`, in words, and the topics (or filters) to publish on and to read."""

    user: str
    what: str
    writes: Sequence[str]
    reads: Sequence[str] = ()


class AccessRefused(Exception):
    """Names that cannot stand in an access control file; the text says which, and how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        told = list(problems[:PROBLEMS_TOLD_MAX])
        if len(problems) > len(told):
            told.append(f"and {len(problems) - len(told)} more")
        super().__init__("; ".join(told) + "; nothing was written")
        self.problems = problems


def accounts_of(
    registry: Registry,
    *,
    services: Sequence[str] = ("lifeline",),
    readers: Sequence[str] = (),
    partners: Collection[str] = (),
    mapped: Sequence[str] = (),
) -> list[Account]:
    """Return all accounts of a broker, in an order that hangs on nothing but their names.

    `services` are the accounts of Lifeline's own processes, `readers` those of systems that follow alarms and status,
    `partners` the cities that publish their alarms here, each under its id, `mapped` the MQTT filters of the mappings.
    A sensor logs in under its id; a gateway, which sensors name by the attribute `gateway`, under CITY.GATEWAY. Raises
    AccessRefused for a name that would be more than a name in a topic or a line, and for one that two would bear.
    """
    accounts = [
        *(_service(user, registry, mapped) for user in services),
        *(Account(user, "reader of alarms and status", (), _outgoing("+")) for user in readers),
        *(Account(city, "city that publishes its alarms here", _outgoing(city)) for city in sorted(partners)),
        *_gateways(registry),
        *(_device(sensor) for sensor in sorted(registry.sensors.values(), key=lambda sensor: sensor.sensor)),
    ]
    problems = [*_unfit(registry, (*services, *readers), partners), *_borne_twice(accounts)]
    problems += [f"the mapping's topic {topic!r} is no plain text" for topic in mapped if not topic.isprintable()]
    if problems:
        raise AccessRefused(problems)
    return accounts


def mosquitto_file(accounts: Iterable[Account]) -> str:
    """Return the accounts as Mosquitto's `acl_file`; what stands in none of its lines is forbidden."""
    lines = [_HEAD]
    for account in accounts:
        lines.append(f"\n# {account.what}\nuser {account.user}\n")
        lines += (f"topic read {topic}\n" for topic in account.reads)
        lines += (f"topic write {topic}\n" for topic in account.writes)
    return "".join(lines)


def _device(sensor: Sensor) -> Account:
    return Account(sensor.sensor, "sensor", _both_forms(_topic(sensor)))


def _gateways(registry: Registry) -> list[Account]:
    """Those that sensors name. A Sparkplug edge node is one too: its node id is the gateway, its group the city."""
    behind: dict[tuple[str, str], list[Sensor]] = {}
    for sensor in registry.sensors.values():
        if name := sensor.attributes.get(ATTRIBUTE):
            behind.setdefault((sensor.city, name), []).append(sensor)
    accounts = []
    for (city, name), sensors in sorted(behind.items()):
        node = f"spBv1.0/{city}"
        writes = [
            *_both_forms(f"lifeline/{city}/gateway/{name}"),
            *(topic for sensor in sorted(map(_topic, sensors)) for topic in _both_forms(sensor)),
            *(f"{node}/{kind}/{name}" for kind in ("NBIRTH", "NDATA", "NDEATH")),
            *(f"{node}/{kind}/{name}/+" for kind in ("DBIRTH", "DDATA", "DDEATH")),
        ]
        reads = (f"{node}/NCMD/{name}", f"{node}/DCMD/{name}/+", "spBv1.0/STATE/+")
        accounts.append(Account(f"{city}.{name}", "gateway", writes, reads))
    return accounts


def _service(user: str, registry: Registry, mapped: Sequence[str]) -> Account:
    """Lifeline itself: it reads all readings, and publishes readings for exercises and simulated cities only."""
    played = sorted(city.city for city in registry.cities.values() if city.mode != "operational")
    writes = [
        "lifeline/worker/+",
        *_outgoing("+"),
        "spBv1.0/+/NCMD/+",
        *(f"lifeline/{city}/{kind}/+" for city in played for kind in (*SYSTEMS, "gateway")),
    ]
    return Account(user, "Lifeline", writes, (*SUBSCRIPTIONS, *mapped))


def _outgoing(city: str) -> tuple[str, str]:
    return f"lifeline/{city}/alarm/+", f"lifeline/{city}/status"


def _topic(sensor: Sensor) -> str:
    return f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}"


def _both_forms(topic: str) -> tuple[str, str]:
    return topic, f"{topic}/senml"


def _unfit(registry: Registry, users: Iterable[str], partners: Iterable[str]) -> list[str]:
    """Return what is wrong with names. The registry has checked its own before, all but those of gateways."""
    problems = [
        f"account {user!r}: letters, digits and _ . @ : - only, 1 to 128" for user in users if not USER.fullmatch(user)
    ]
    cities = {*registry.cities, *partners, *(sensor.city for sensor in registry.sensors.values())}
    problems += [f"city {city!r} is no city id" for city in sorted(cities) if not IDENTIFIER.fullmatch(city)]
    gateways: dict[str, str] = {}
    for sensor in sorted(registry.sensors.values(), key=lambda sensor: sensor.sensor):
        if not IDENTIFIER.fullmatch(sensor.sensor) or sensor.system not in SYSTEMS:
            problems.append(f"sensor {sensor.sensor!r} of system {sensor.system!r} is no sensor id or no system")
        name = sensor.attributes.get(ATTRIBUTE)
        if name and not GATEWAY_NAME.fullmatch(name):
            gateways.setdefault(name, sensor.sensor)
    problems += (
        f"gateway {name!r} of sensor {sensor}: letters, digits and _ . - only, 1 to 64; register it anew under such a "
        "name"
        for name, sensor in gateways.items()
    )
    return problems


def _borne_twice(accounts: Iterable[Account]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for account in accounts:
        if account.user in first:
            problems.append(
                f"{account.user!r} would be the account of a {first[account.user]} and of a {account.what}: it would "
                "have the rights of both; give one another name"
            )
        first.setdefault(account.user, account.what)
    return problems
