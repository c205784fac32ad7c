"""The service as a whole: it starts, tells where it is, stops clean, finds its data again, and refuses what it must."""

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import asyncpg
import pytest

from tests.integration.service import LIFELINE, Service, processes_naming, running

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"


def wait_until_gone(text: str, wait_s: float = 10.0) -> list[str]:
    deadline = time.monotonic() + wait_s
    while processes_naming(text) and time.monotonic() < deadline:
        time.sleep(0.1)
    return processes_naming(text)


def get(service: Service, path: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}{path}", timeout=10) as answer:
        status: int = answer.status
        return status


def test_what_cannot_be_started_is_said_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "database" / "postgresql.conf").mkdir(parents=True)  # where a file has to be written
    said = Service(tmp_path).run("up", expected=1).stderr
    assert said.endswith(f"\nlifeline up: {tmp_path}/database/postgresql.conf: Is a directory\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_in_order_and_leaves_no_process_behind(number: int, tmp_path: Path) -> None:
    service = Service(tmp_path / "home")
    service.start()
    assert get(service, "/healthz") == 200
    assert service.stop(number) == 0
    assert wait_until_gone(str(service.home)) == []


def test_it_also_stops_where_sigint_was_inherited_as_ignored(tmp_path: Path) -> None:
    service = Service(tmp_path / "home")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        service.start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert service.stop(signal.SIGINT) == 0


def test_killed_it_leaves_no_process_behind_and_starts_again_with_its_data(tmp_path: Path) -> None:
    service = Service(tmp_path / "home")
    service.start()
    sensors = tmp_path / "sensors.csv"
    sensors.write_text(HEADER + "s1,c,gas,combustible_gas,%{LEL},,,,60,test\n")
    service.run("sensors", "import", str(sensors))
    service.kill()
    assert wait_until_gone(str(service.home)) == []
    print(f"up again after {service.start():.1f} s")
    assert "s1\tc\tgas" in service.run("sensors", "list").stdout
    assert service.stop() == 0


def test_it_ends_with_its_parent_where_asked_to(tmp_path: Path) -> None:
    service = Service(tmp_path / "home", LIFELINE_END_WITH_PARENT="1")
    command = f"import subprocess; subprocess.run([{str(LIFELINE)!r}, 'up'])"
    with service.log.open("wb") as log:
        parent = subprocess.Popen([sys.executable, "-c", command], env=service.environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while "is up" not in service.said() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "is up" in service.said()
    parent.kill()
    parent.wait()
    assert wait_until_gone(str(service.home)) == []
    assert "stopped" in service.said()


def test_a_port_in_use_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = Service(tmp_path / "home", LIFELINE_PORT=str(port))
        finished = service.run("up", expected=1)
    assert f"port {port} on 127.0.0.1 is in use" in finished.stderr
    assert "PORT=" in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


def test_a_broker_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = Service(tmp_path / "home", LIFELINE_MQTT_PORT=str(port)).run("up", expected=1)
    assert f"port {port} is in use" in finished.stderr


def test_a_database_of_another_application_is_refused(tmp_path: Path, database_url: str) -> None:
    service = Service(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)

    async def take_over() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("drop schema public cascade; create schema public; create table invoices (id int)")
        await connection.close()

    asyncio.run(take_over())
    finished = service.run("migrate", expected=1)
    assert "another application's tables (invoices)" in finished.stderr
    assert "LIFELINE_DATABASE_URL" in finished.stderr


def test_a_database_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://lifeline:secret@127.0.0.1:9/lifeline"
    finished = Service(tmp_path / "home", LIFELINE_DATABASE_URL=url).run("migrate", expected=1)
    assert "127.0.0.1:9" in finished.stderr
    assert "secret" not in finished.stderr


def test_replay_and_simulation_refuse_a_city_in_operation(tmp_path: Path) -> None:
    with running(tmp_path / "home") as service:
        sensors = tmp_path / "sensors.csv"
        sensors.write_text(HEADER + "s1,harbour,gas,combustible_gas,%{LEL},,,,60,operational\n")
        service.run("sensors", "import", str(sensors))
        readings = tmp_path / "readings.csv"
        readings.write_text("time,sensor,value\n2026-01-01T00:00:00Z,s1,1\n")
        finished = service.run("replay", str(readings), "--sensors", str(sensors), expected=1)
        assert "city 'harbour' is operational" in finished.stderr


def test_commands_without_a_service_say_what_to_start(tmp_path: Path) -> None:
    service = Service(tmp_path / "home")
    finished = service.run("record", "--out", str(tmp_path / "x.csv"), expected=1)
    assert "start lifeline up" in finished.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a service as another user")
def test_it_runs_as_an_ordinary_user(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    try:
        subprocess.run([sys.executable, "--version"], user=nobody.pw_uid, group=nobody.pw_gid, check=True)
    except PermissionError:
        pytest.skip("this environment's Python lies where only root may enter")
    service = Service(tmp_path / "home")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    os.chown(service.home, nobody.pw_uid, nobody.pw_gid)
    service.environment |= {"HOME": str(service.home)}
    with service.log.open("wb") as log:
        process = subprocess.Popen(
            [LIFELINE, "up"], env=service.environment, stdout=log, stderr=log, user=nobody.pw_uid,
            group=nobody.pw_gid, extra_groups=[],
        )  # fmt: skip
    service.process = process
    deadline = time.monotonic() + 60
    while "is up" not in service.said() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "is up" in service.said(), service.said()
    assert get(service, "/healthz") == 200
    assert service.stop() == 0
    assert wait_until_gone(str(service.home)) == []
