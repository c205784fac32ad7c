"""`lifeline broker access` on the real database: what it writes, in whose place, and what it refuses."""

from pathlib import Path

import pytest

from tests.integration.service import Service

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode,gateway\n"


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Service:
    return Service(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)


def register(service: Service, *sensors: tuple[str, str]) -> None:
    path = service.home / "sensors.csv"
    rows = (f"{name},jyg,gas,combustible_gas,%{{LEL}},,,,60,operational,{gateway}\n" for name, gateway in sensors)
    path.write_text(HEADER + "".join(rows))
    service.run("sensors", "import", str(path))


def users(text: str) -> list[str]:
    return [line.removeprefix("user ") for line in text.splitlines() if line.startswith("user ")]


def test_the_file_is_written_in_one_piece_and_keeps_its_mode(service: Service) -> None:
    register(service, ("g1", "gw"), ("g2", ""))
    out = service.home / "lifeline.acl"
    command = ("broker", "access", "--broker", "mosquitto", "--out", str(out))
    told = service.run(*command)
    assert told.stdout == ""
    assert "4 accounts written, 2 of them sensors" in told.stderr
    assert users(out.read_text()) == ["lifeline", "jyg.gw", "g1", "g2"]
    assert out.stat().st_mode & 0o777 == 0o600

    out.chmod(0o640)
    register(service, ("g3", ""))
    service.environment |= {"LIFELINE_MQTT_URL": "mqtts://in%2Dgest:secret@broker", "LIFELINE_ROLE": "province"}
    service.run(*command, "--reader", "map")
    assert users(out.read_text()) == ["in-gest", "map", "jyg", "jyg.gw", "g1", "g2", "g3"]
    assert out.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in service.home.glob("lifeline.acl*")) == ["lifeline.acl"]
    assert service.run(*command[:-2], "--reader", "map").stdout == out.read_text()

    before = out.read_text()
    register(service, ("g4", "east wing"))
    refused = service.run(*command, "--reader", "map", expected=1)
    assert "gateway 'east wing' of sensor g4" in refused.stderr
    assert out.read_text() == before


def test_the_command_shows_an_example_and_says_what_the_embedded_broker_cannot(service: Service) -> None:
    told = " ".join(service.run("broker", "access", "--help").stdout.split())
    assert "example: lifeline broker access" in told
    assert "The embedded broker knows one account for all" in told
