"""The names of rules beside their ids, for pages that people read."""

import json
from collections.abc import Mapping

from model.bilingual import Language
from store.pool import Connection, Pool
from store.rule_packs import packs_in_force

RuleNames = Mapping[str, Mapping[str, str]]
"""By rule's id, its name by language."""


async def rule_names(connection: Connection | Pool) -> dict[str, dict[str, str]]:
    """Return the names of the rules in force."""
    packs = await packs_in_force(connection)
    return {rule["rule"]: rule["name"] for pack in packs for rule in json.loads(pack.content)["rules"]}


def rule_and_name(rule: str, names: RuleNames, language: Language) -> str:
    """Return a rule's name with its id beside, the id alone for a rule that is not in force any more."""
    name = names.get(rule, {}).get(language)
    if not name:
        return rule
    return f"{name}（{rule}）" if language == "zh" else f"{name} ({rule})"
