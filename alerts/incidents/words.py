"""Why a member belongs to an incident, and what its probable cause is, as sentences in English and Chinese."""

from model.incident import Cause, Reason
from model.report import KINDS

Words = dict[str, str]
"""A sentence by language, `en` and `zh`."""

_RELATIONS = {
    "first": ("it came first", "最先发生"),
    "same_sensor": ("at the same sensor as {to}", "与 {to} 为同一测点"),
    "same_gateway": ("behind the same gateway as {to}", "与 {to} 经由同一网关"),
    "same_asset": ("at the same asset as {to}", "与 {to} 位于同一设施"),
    "same_pipe": ("on the same pipe as {to}", "与 {to} 位于同一管段"),
    "upstream": ("upstream of {to}", "位于 {to} 上游"),
    "downstream": ("downstream of {to}", "位于 {to} 下游"),
    "connected": ("connected by the network with {to}", "与 {to} 管网连通"),
    "same_district": ("in the same supply district as {to}", "与 {to} 属同一供水分区"),
    "near": ("close to {to} in place and time", "与 {to} 时空相近"),
    "rain": ("in the rain that {to} tells of", "与 {to} 同属一场降雨"),
    "operator": ("put there by an operator", "由值班员归入"),
}
_CAUSES = {
    "gateway": ("gateway {subject} does not answer", "网关 {subject} 无响应"),
    "rain": ("rain, heaviest at {subject}", "降雨，最强处为 {subject}"),
    "burst": ("burst main, probably at {subject}", "爆管，疑似位置 {subject}"),
    "gas_leak": ("gas leak, probably at {subject}", "燃气泄漏，疑似位置 {subject}"),
    "surcharge": ("surcharged sewer, probably blocked at {subject}", "排水管道壅水，疑似堵塞于 {subject}"),
    "heat_main": ("broken heat main, probably {subject}", "供热干管故障，疑似位置 {subject}"),
    "report": ("reported by people: {subject}", "公众上报：{subject}"),
    "first_out": ("the first alarm, at {subject}", "首发报警：{subject}"),
}
_OTHERS = {
    "rain": ("; most downstream surcharged stretch: {others}", "；最下游壅水管段：{others}"),
    "burst": ("; also possible: {others}", "；亦可能为：{others}"),
    "gas_leak": ("; highest reading at {others}", "；最高读数位于 {others}"),
    "surcharge": ("; below manhole {others}", "；位于检查井 {others} 下游"),
    "heat_main": ("; or {others}", "；或 {others}"),
}


def reason_words(reason: Reason, to: Words | None = None) -> Words:
    """Return why a member belongs to its incident; `to` is what people call the other member, in place of its id."""
    called = to or {"en": reason.to, "zh": reason.to}
    en, zh = (form.format(to=called[key]) for form, key in zip(_RELATIONS[reason.relation], ("en", "zh"), strict=True))
    if reason.path_m is not None:
        en += f", {reason.path_m:.0f} m and {reason.links} pipes away along the network"
        zh += f"，沿管网 {reason.path_m:.0f} 米、{reason.links} 段管道"
    elif reason.distance_m is not None:
        en += f", {reason.distance_m:.0f} m away"
        zh += f"，相距 {reason.distance_m:.0f} 米"
    return {"en": en, "zh": zh}


def cause_words(cause: Cause, subject: Words | None = None) -> Words:
    """Return what the probable cause is; `others` are ids as the registry has them, and so is what it lies at.

    `subject` is what people call that, where the registry has a name for it.
    """
    subjects = (cause.subject, cause.subject) if subject is None else (subject["en"], subject["zh"])
    if cause.kind == "report" and cause.subject in KINDS:
        subjects = KINDS[cause.subject].en, KINDS[cause.subject].zh
    en, zh = (form.format(subject=subject) for form, subject in zip(_CAUSES[cause.kind], subjects, strict=True))
    if cause.others and cause.kind in _OTHERS:
        more_en, more_zh = _OTHERS[cause.kind]
        en += more_en.format(others=", ".join(cause.others))
        zh += more_zh.format(others="、".join(cause.others))
    return {"en": en, "zh": zh}
