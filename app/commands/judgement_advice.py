"""`lifeline rules advise --from --to`: advice by what people found true and false, from the database's journal."""

import argparse
from collections.abc import Iterator, Sequence

import msgspec

from alerts.accounts import Ledger, Placed
from alerts.false_alarms import FALSE_SHARE, JUDGED_MIN, FalseAdvice, false_advice
from alerts.rules import Pack, Rule
from app.commands.output import CommandError, progress
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.alarm import JournalLine
from store.performance import judged_lines
from store.rule_packs import packs_in_force

LINES_MAX = 500_000


async def advise_by_judgements(chosen: argparse.Namespace) -> int:
    """Print the advice for rules whose alarms were often found false in the span."""
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        rows = await judged_lines(pool, None, chosen.start, chosen.end, LINES_MAX + 1)
        packs = [Pack.model_validate_json(stored.content) for stored in await packs_in_force(pool)]
    if len(rows) > LINES_MAX:
        raise CommandError(f"more than {LINES_MAX} journal lines of judged alarms; ask for a shorter span")
    ledger = Ledger()
    for row in rows:
        ledger.take(Placed(msgspec.json.decode(row.line, type=JournalLine), row.city, row.system, row.district))
    at_once = {rule.rule for pack in packs for rule in pack.rules if _alarms_at_once(rule)}
    found = [one for one in false_advice(ledger.accounts, at_once) if chosen.rule in (None, one.rule)]
    if chosen.json:
        print(msgspec.json.encode(found).decode())
        return 0
    for line in false_advice_text(found):
        print(line)
    return 0


def false_advice_text(found: Sequence[FalseAdvice]) -> Iterator[str]:
    """Yield the advice in lines for people."""
    if not found:
        yield f"no rule was found false in {FALSE_SHARE:.0%} or more of {JUDGED_MIN} or more judged alarms"
    for one in found:
        yield f"{one.rule}: {one.false} of {one.judged} judged alarms were false ({one.false_share:.0%})"
        sensors = ", ".join(f"{at.sensor} ({at.false} of {at.judged})" for at in one.sensors)
        yield f"  most at {sensors}"
        yield f"  stood in the median: false {_seconds(one.false_stood_s)}, true {_seconds(one.true_stood_s)}"
        for delay in one.delays:
            yield f"  on-delay longer by {delay.added_s} s: {delay.false_removed} false removed, no true alarm lost"
        if one.why_none is not None:
            yield f"  no delay advised: {one.why_none}"


def _alarms_at_once(rule: Rule) -> bool:
    return getattr(rule.condition, "on_delay_s", 0) == 0 and getattr(rule.condition, "samples", None) is None


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:g} s"
