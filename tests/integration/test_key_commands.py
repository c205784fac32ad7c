"""`lifeline keys` on the real database: made, listed without any key, revoked."""

import json
from pathlib import Path

import pytest

from tests.integration.service import Service


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Service:
    return Service(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)


def test_keys_are_listed_and_revoked_by_label_and_never_shown_again(service: Service) -> None:
    assert service.run("keys", "list").stdout == ""
    made = [
        service.run("keys", "create", "--role", "viewer").stdout.strip(),
        service.run(
            "keys", "create", "--role", "field", "--label", "巡检 1", "--area", "jiayuguan", "--area", "jinchang"
        ).stdout.strip(),
    ]
    assert all(key.startswith("lk_") for key in made)

    listed = service.run("keys", "list").stdout
    rows = [line.split("\t") for line in listed.splitlines()]
    assert [row[:3] for row in rows] == [["viewer", "viewer", "*"], ["巡检 1", "field", "jiayuguan, jinchang"]]
    as_json = service.run("keys", "list", "--json").stdout
    told = [json.loads(line) for line in as_json.splitlines()]
    assert [(one["label"], one["role"], one["areas"]) for one in told] == [
        ("viewer", "viewer", ["*"]),
        ("巡检 1", "field", ["jiayuguan", "jinchang"]),
    ]
    assert [one["created_at"] for one in told] == [row[3] for row in rows]
    assert not any(key in listed + as_json for key in made)

    assert service.run("keys", "revoke", "巡检 1").stdout == "巡检 1 revoked\n"
    assert [line.split("\t")[0] for line in service.run("keys", "list").stdout.splitlines()] == ["viewer"]
    refused = service.run("keys", "revoke", "巡检 1", expected=1)
    assert refused.stdout == ""
    assert "no key in force bears the label '巡检 1'; lifeline keys list names those" in refused.stderr
    assert json.loads(service.run("keys", "revoke", "viewer", "--json").stdout) == {"revoked": "viewer"}
    assert service.run("keys", "list", "--json").stdout == ""


def test_each_command_shows_an_example(service: Service) -> None:
    for command in (("keys", "list"), ("keys", "revoke")):
        assert f"example: lifeline {' '.join(command)}" in service.run(*command, "--help").stdout
