"""Every operation of the OpenAPI document, with requests made up from its schemas: no server error, no schema breach.

`make schemathesis` sends more of them, and new ones.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis
import schemathesis.openapi
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from app.roles import ROLES
from store.keys import create_key
from store.sensors import import_sensors
from tests.api.service import CITIES, SENSORS, Service, change, journal, running, silence
from tests.api.test_access import NAMES, TABLE
from tests.conftest import Background

EXAMPLES = int(os.environ.get("LIFELINE_REQUESTS_AN_OPERATION", "5"))
# Operations that are not tried, with the reason.
APART = {
    ("GET", "/api/v1/alarms/stream"): "a stream of events does not end",
    ("GET", "/api/v1/province/alarms/stream"): "a stream of events does not end",
}
load_all_checks()
KEPT = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance",
    )
]  # fmt: skip
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_no_request_breaks_the_service_or_the_description(
    background: Background, database_urls: Callable[[], str]
) -> None:
    with background.held(running(database_urls())) as service:
        keys = background.run(_fill(service))
        document = service.app.openapi()
        schema = schemathesis.openapi.from_dict(document)
        failures: dict[str, str] = {}
        tried = set()
        answers: Counter[str] = Counter()
        for found in schema.get_all_operations():
            operation = found.ok()
            name = (operation.method.upper(), operation.path)
            if name in APART:
                continue
            tried.add(name)
            roles = sorted(TABLE[name] or ROLES)
            try:
                _try(operation, service.address, {role: keys[role] for role in roles}, answers)
            except BaseExceptionGroup as group:
                failures[operation.label] = "\n".join(str(error) for error in group.exceptions)
            except Exception as error:
                failures[operation.label] = f"{type(error).__name__}: {error}"
    assert answers["2xx"] > sum(answers.values()) / 10, answers  # it reaches what is behind the checks of forms
    assert not failures, "\n\n".join(f"{label}\n{text}" for label, text in failures.items())
    described = {(method.upper(), path) for path, found in document["paths"].items() for method in found}
    assert tried == described - set(APART)


def _try(operation: Any, address: str, keys: dict[str, str], answers: Counter[str]) -> None:
    """Send requests that agree with the operation's schemas and requests that do not, by roles that may."""
    made = st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.NEGATIVE),
    )

    @SETTINGS
    @hypothesis.given(case=made, role=st.sampled_from(sorted(keys)), existing=st.booleans())
    def send(case: Any, role: str, existing: bool) -> None:
        if existing:  # what the path names is there
            case.path_parameters = {part: NAMES.get(part, "1") for part in case.path_parameters or {}}
        headers = {"Authorization": f"Bearer {keys[role]}"}
        answer = case.call_and_validate(base_url=address, headers=headers, checks=KEPT, timeout=20)
        answers[f"{answer.status_code // 100}xx"] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        send()


async def _fill(service: Service) -> dict[str, str]:
    """Register sensors, raise alarms, and return a key for each role."""
    await import_sensors(service.pool, SENSORS, CITIES)
    await journal(service.pool, [change("GAS-1", 0, 4), change("WATER-9", 0, 3), silence("DRAIN-1")])
    return {role: await create_key(service.pool, role=role, areas=["*"], label=f"made-{role}") for role in ROLES}
