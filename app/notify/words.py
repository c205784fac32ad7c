"""Turns a claimed notification into what is sent: looks up what it tells of, and puts it into words and facts."""

from collections.abc import Callable
from typing import Any

import msgspec

from alerts.notices import DIGEST_LINES_SHOWN, Message, Notice, both, digest_message, message, test_message
from alerts.notification_file import Channel
from app.notify.channels import Outgoing
from model.alarm import JournalLine
from model.bilingual import Language
from model.sensor import Sensor
from model.severity import Severity
from store.outbox import Claimed, Told, read_rule, read_told
from store.pool import Pool

_RULES_KEPT_MAX = 1_000


class RuleTexts:
    """The names and guidance of rules, looked up once for each version."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.known: dict[tuple[str, str], dict[str, Any] | None] = {}

    async def of(self, line: JournalLine) -> dict[str, Any] | None:
        """Return the line's rule as its pack has it, None for one that no pack has."""
        asked = line.rule, line.rule_version
        if asked not in self.known:
            if len(self.known) >= _RULES_KEPT_MAX:
                self.known.clear()
            self.known[asked] = await read_rule(self.pool, line.rule)
        return self.known[asked]


async def outgoing_of(
    pool: Pool, claimed: Claimed, channel: Channel, rules: RuleTexts, public_url: str | None
) -> Outgoing:
    """Return what is sent for a notification through a channel. `public_url` is where people reach Lifeline."""
    base = None if public_url is None else public_url.rstrip("/")
    facts: dict[str, Any] = {"kind": claimed.kind, "mode": claimed.mode, "city": claimed.city, "late": claimed.late}
    if claimed.kind == "test":
        return Outgoing(claimed.key, _in(channel, test_message), facts, pressing=False)
    is_digest = claimed.kind == "digest"
    told = await read_told(pool, claimed, DIGEST_LINES_SHOWN if is_digest else 1)
    if not told:
        raise LookupError(f"notification {claimed.notification} tells of no journal line")
    notices = [await _notice(claimed, one, rules) for one in told]
    if is_digest:
        total = int(claimed.details["messages"])
        facts |= {"messages": total, "lines": [msgspec.Raw(one.line.encode()) for one in told]}
        words = _in(channel, lambda language: digest_message(notices, total, language, base))
        return Outgoing(claimed.key, words, facts, pressing=False)
    link = None if base is None else f"{base}/?alarm={notices[0].line.alarm}"
    facts |= {"system": told[0].system, "district": told[0].district, "line": msgspec.Raw(told[0].line.encode())}
    facts |= {"link": link, **claimed.details}
    words = _in(channel, lambda language: message(notices[0], language, link))
    pressing = notices[0].line.severity in (Severity.RED.label, Severity.ORANGE.label)
    return Outgoing(claimed.key, words, facts, pressing)


async def _notice(claimed: Claimed, told: Told, rules: RuleTexts) -> Notice:
    line = msgspec.json.decode(told.line, type=JournalLine)
    return Notice(
        kind=claimed.kind if claimed.kind != "digest" else "returned" if line.condition == "normal" else "raised",
        line=line,
        raised=told.raised_at,
        state=told.state,
        city=claimed.city,
        city_name=told.city_name,
        city_name_zh=told.city_name_zh,
        district=told.district,
        system=told.system,
        time_zone=told.time_zone,
        sensor=None if told.sensor is None else msgspec.json.decode(told.sensor, type=Sensor),
        rule=await rules.of(line),
        late=claimed.late,
        step=claimed.details.get("step"),
    )


def _in(channel: Channel, words: Callable[[Language], Message]) -> Message:
    if channel.language == "both":
        return both(words("zh"), words("en"))
    return words(channel.language)
