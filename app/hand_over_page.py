"""A hand-over between shifts as a page to print and sign, in Chinese or English."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from alerts.incidents.words import cause_words
from app.printed import page, table
from app.report import local
from app.rule_names import RuleNames, rule_and_name
from model.alarm import LABELS_WITH_NONE
from model.bilingual import MODES, SEVERITIES, STATES, Language, Words, said
from model.bilingual import SYSTEMS as SYSTEM_WORDS
from model.incident import Cause

TITLE = ("Shift hand-over", "交接班记录")
OPEN = ("Open alarms", "未结束的报警")
UNACKNOWLEDGED = ("Unacknowledged", "未确认")
SUPPRESSED = ("Shelved, suppressed, out of service", "搁置、抑制、停用")
WORK = ("Work under way", "处置中的工作")
INCIDENTS = ("Open incidents", "未结束的事件")
FLOODS = ("Flood of alarms", "报警泛滥")
NOTES, STRUCK = ("Notes", "交接事项"), ("Done with", "已了结")
NOTHING = ("Nothing open.", "没有未结束的事项。")
MORE = ("and {} more", "另有{}项")
BY, TO, ACCEPTED = ("Handed over by", "交班人"), ("Handed to", "接班人"), ("Taken over by", "已接班")
NOT_YET = ("not taken over yet", "尚未接班")
SEVERITY, STATE, COUNT = ("Severity", "级别"), ("State", "状态"), ("Count", "数量")
RULE, SENSOR, PLACE, RAISED = ("Rule", "规则"), ("Sensor", "传感器"), ("Place", "地点"), ("Raised", "发生")
WHAT, REASON, WHO, UNTIL = ("What", "类型"), ("Reason", "原因"), ("By", "由"), ("Until", "至")
STEP, ASSIGNED, DUE = ("Step", "阶段"), ("Assigned to", "负责人"), ("Due", "期限")
INCIDENT, SYSTEMS, ALARMS, SINCE = ("Incident", "事件"), ("Systems", "系统"), ("Alarms", "报警数"), ("Since", "自")
FIRST_OUT, ANNUNCIATED, FOLDED = ("First out", "首出报警"), ("Annunciated", "报警数"), ("Folded", "折叠数")
NOTE, AT = ("Note", "事项"), ("At", "时间")
ALL_RULES = ("all rules", "所有规则")
REVIEW = ("reviewed by {}", "{}前复核")
RETURNED_FROM, NO_SEVERITY = ("was {}", "曾达{}"), ("–", "–")
CAUSE = ("Probable cause", "可能原因")
STEPS = {
    "assigned": ("assigned", "已派单"),
    "accepted": ("accepted", "已接单"),
    "declined": ("declined", "已退单"),
    "arrived": ("arrived", "已到场"),
    "resolved": ("resolved", "已处置"),
}
OTHERS: dict[str, Words] = {"instrument": ("instrument", "仪表"), "system": ("system", "系统")}


def hand_over_html(item: Mapping[str, Any], name: str, time_zone: str, language: Language, rules: RuleNames) -> str:
    """Return a hand-over, in the form of the API, as a page; `name` is the position's, `rules` has those of rules."""
    zone = ZoneInfo(time_zone)
    snapshot = item["snapshot"]

    def t(pair: tuple[str, str]) -> str:
        return said(pair, language)

    def at(text: str | None) -> str:
        return "" if text is None else local(text, zone)

    def severity(row: Mapping[str, Any]) -> str:
        if label := LABELS_WITH_NONE[row["severity"]]:
            return t(SEVERITIES[label])
        if reached := LABELS_WITH_NONE[row.get("returned_severity", 0)]:
            return t(RETURNED_FROM).format(t(SEVERITIES[reached]))
        # An incident of none but reports or silent sensors has neither severity nor class.
        return t(OTHERS.get(row.get("class", ""), NO_SEVERITY))

    def cause(row: Mapping[str, Any]) -> str:
        return cause_words(msgspec.convert(row["cause"], Cause))[language]

    def rule(row: Mapping[str, Any]) -> str:
        return rule_and_name(row["rule"], rules, language) if row["rule"] else t(ALL_RULES)

    def place(row: Mapping[str, Any]) -> str:
        called = row["name_zh" if language == "zh" else "name"] or row["name"] or ""
        return " ".join(part for part in (row["sensor"], called, row["district"]) if part)

    def until(row: Mapping[str, Any]) -> str:
        if row["ends_at"] is None and row["review_at"] is not None:
            return t(REVIEW).format(at(row["review_at"]))
        return at(row["ends_at"])

    def block(
        title: tuple[str, str], heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], more: int
    ) -> str:
        content = table([t(head) for head in heads], rows)
        rest = f'<p class="note">{escape(t(MORE).format(more))}</p>' if more > 0 else ""
        return f"<h3>{escape(t(title))}</h3>\n{content}{rest}" if content else ""

    def listed(title: tuple[str, str], heads: Sequence[tuple[str, str]], part: str, cells: Any) -> str:
        found = snapshot[part]
        rows = [cells(row) for row in found["rows"]]
        return block(title, heads, rows, found["total"] - len(rows))

    parts = [
        block(NOTES, (NOTE, WHO, AT), [[n["text"], n["by"], at(n["at"])] for n in item["notes"]], 0),
        block(STRUCK, (NOTE, WHO, AT), [[n["text"], n["by"], at(n["at"])] for n in item["struck"]], 0),
        block(
            FLOODS, (SINCE, FIRST_OUT, ANNUNCIATED, FOLDED),
            [[at(f["began_at"]), f["first_out"], str(f["annunciated"]), str(f["folded"])] for f in snapshot["floods"]],
            0,
        ),
        block(
            OPEN, (SEVERITY, STATE, COUNT),
            [[severity(row), t(STATES[row["state"]]), str(row["alarms"])] for row in snapshot["open"]], 0,
        ),
        listed(
            UNACKNOWLEDGED, (SEVERITY, RULE, PLACE, RAISED), "unacknowledged",
            lambda row: [severity(row), rule(row), place(row), at(row["raised_at"])],
        ),
        listed(
            SUPPRESSED, (WHAT, SENSOR, RULE, REASON, WHO, UNTIL), "suppressed",
            lambda row: [
                t(STATES[row["kind"]]), row["sensor"], rule(row), row["reason"],
                " + ".join(who for who in (row["actor"], row["approved_by"]) if who), until(row),
            ],
        ),
        listed(
            WORK, (SEVERITY, RULE, PLACE, STEP, ASSIGNED, DUE), "work",
            lambda row: [
                severity(row), rule(row), place(row), t(STEPS.get(row["handling"], (row["handling"],) * 2)),
                row["assigned_to"] or "", at(row["deadline_at"]),
            ],
        ),
        listed(
            INCIDENTS, (CAUSE, SEVERITY, SYSTEMS, ALARMS, SINCE, INCIDENT), "incidents",
            lambda row: [
                cause(row), severity(row), ", ".join(t(SYSTEM_WORDS[system]) for system in row["systems"]),
                str(row["members"]), at(row["opened_at"]), row["incident"],
            ],
        ),
    ]  # fmt: skip
    body = "\n".join(part for part in parts if part) or f"<p>{escape(t(NOTHING))}</p>"
    title = f"{t(TITLE)} {item['hand_over']} · {name} · {at(item['handed_at'])}"
    if item["accepted_by"] is None:
        taken = f"{t(TO)}: {' · '.join(filter(None, (item['handed_to'], t(NOT_YET))))}"
    else:
        taken = f"{t(ACCEPTED)}: {item['accepted_by']}, {at(item['accepted_at'])}"
    heading = (
        f'<h1>{escape(title)}</h1>\n<p><span class="mode">{escape(t(MODES[item["mode"]]))}</span> '
        f"{escape(item['city'])} · {escape(item['position'])} · {escape(time_zone)}</p>\n"
        f"<p>{escape(t(BY))}: {escape(item['handed_by'])}</p>\n<p>{escape(taken)}</p>\n"
    )
    signatures = "".join(f'<span class="signature">{escape(t(word))}</span>' for word in (BY, TO))
    return page(title, f"{heading}{body}\n<p>{signatures}</p>", language, in_file=False)
