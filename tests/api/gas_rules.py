"""A rule of combustible gas with a lower limit than the default packs have, and readings that reach that alone."""

from __future__ import annotations

import numpy as np

from alerts.rule_file import default_packs
from store.batches import IncomingReadings, write_batch
from store.rule_packs import StoredPack, activate
from store.sensors import load_registry
from tests.api.service import NOON, Service

HOUR = 3_600_000
READINGS = 10
RULES = """\
pack: gas
description: {en: a, zh: 一}
rules:
  - rule: combustible-gas
    name: {en: a, zh: 一}
    select: {property: combustible_gas}
    condition: {kind: threshold, unit: "%{LEL}", limits: {blue: 5}}
    priority: low
    basis: [{mark: P, source: test}]
    guidance:
      cause: {en: a, zh: 一}
      consequence: {en: a, zh: 一}
      response: {en: a, zh: 一}
      time_to_respond_s: 60
"""


async def fill(service: Service) -> None:
    """Put the default packs into force, and log 7 %LEL at GAS-1 for ten minutes of the hour before now."""
    packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
    await activate(service.pool, packs, "test")
    key = (await load_registry(service.pool)).keys["GAS-1"]
    for minute in range(READINGS):
        time = NOON + minute * 60_000
        reading = IncomingReadings(np.array([key], np.int32), np.array([time]), np.array([7.0]), np.zeros(1, np.uint16))
        await write_batch(service.pool, time, reading)
    service.now = NOON + HOUR
