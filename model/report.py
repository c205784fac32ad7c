"""Reports from people: what they tell of, where it comes from, and what must not stand in it."""

import re
import unicodedata
from datetime import date
from typing import Literal, NamedTuple

import msgspec


class ReportKind(NamedTuple):
    """What is reported: the system that it concerns, and its name in English and Chinese."""

    system: str
    en: str
    zh: str


KINDS: dict[str, ReportKind] = {
    "gas_smell": ReportKind("gas", "smell of gas", "燃气异味"),
    "gas_pipe_damaged": ReportKind("gas", "gas pipe damaged", "燃气管道破损"),
    "low_pressure": ReportKind("water", "low water pressure", "水压低"),
    "no_water": ReportKind("water", "no water", "停水"),
    "discoloured_water": ReportKind("water", "discoloured water", "水质浑浊"),
    "water_leak": ReportKind("water", "water leaks from a pipe", "管道漏水"),
    "water_on_road": ReportKind("drainage", "water on the road", "道路积水"),
    "cover_open": ReportKind("drainage", "manhole cover open or missing", "井盖缺失或敞开"),
    "cover_rattling": ReportKind("drainage", "manhole cover rattles", "井盖松动异响"),
    "sewer_smell": ReportKind("drainage", "smell of the sewer", "下水道异味"),
    "sewer_overflow": ReportKind("drainage", "sewage overflows", "污水外溢"),
    "ground_crack": ReportKind("displacement", "crack in the ground", "地面裂缝"),
    "subsidence": ReportKind("displacement", "ground has sunk", "地面塌陷"),
    "leaning_tree": ReportKind("displacement", "tree or pole leans", "树木或杆体倾斜"),
    "rockfall": ReportKind("displacement", "rocks or soil have come down", "落石或滑坡"),
    "no_heating": ReportKind("heating", "no heating", "供暖不热"),
    "heating_leak": ReportKind("heating", "hot water or steam escapes", "供热管道泄漏"),
    "bridge_damage": ReportKind("bridge", "damage at a bridge", "桥梁损坏"),
    "lamp_out": ReportKind("lighting", "street lamp out", "路灯不亮"),
    "lamp_leaning": ReportKind("lighting", "lamp post leans", "灯杆倾斜"),
}
"""What can be reported, by kind."""

Source = Literal["hotline", "patrol", "drone", "grid_worker", "video", "partner", "other"]
"""Where a report comes from; `hotline` is 12345 and the like."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report. Times are epoch milliseconds; `actor` is the label of the key with which it was sent.

    `found` is None until somebody has looked. `reference` is the sender's own number.
    """

    report: str
    city: str
    mode: str
    kind: str
    system: str
    source: str
    longitude: float
    latitude: float
    time: int
    received_at: int
    text: str | None
    photograph: str | None
    reference: str | None
    actor: str
    district: str = ""  # of the nearest sensor; empty where none is near
    found: bool | None = None
    verified_by: str | None = None
    verified_at: int | None = None
    note: str | None = None


def report_id(number: int) -> str:
    """Return the id of the report of that number."""
    return f"report.{number}"


def personal_data(text: str) -> str | None:
    """Return what in a text looks like a telephone or identity number or a dwelling, None where nothing does (I9).

    Of mainland China: identity numbers of 18 and 15 digits, mobile numbers, fixed lines with area code or without.
    Digits may be wide and parted by spaces, dots or dashes; a date of eight digits is none of them.
    """
    plain = unicodedata.normalize("NFKC", text)
    for run in _RUN.finditer(plain):
        digits = _PARTING.sub("", run.group())
        number = digits.removeprefix("+")
        number = number.removeprefix("86") if len(number) in (12, 13) or digits.startswith("+") else number
        if _IDENTITY.fullmatch(number):
            return "an identity number"
        if _MOBILE.fullmatch(number):
            return "a mobile number"
        if _FIXED.fullmatch(number) and not _is_date(number):
            return "a telephone number"
    return "a home address" if _DWELLING.search(plain) else None


def personal_reference(reference: str) -> str | None:
    """Return what a reference number looks like if it is personal; a ticket's number may be as long as it likes."""
    plain = unicodedata.normalize("NFKC", reference).strip()
    if _MOBILE.fullmatch(plain):
        return "a mobile number"
    return "an identity number" if _IDENTITY.fullmatch(plain) and _checks(plain) else None


def _checks(number: str) -> bool:
    """Whether the last character of an identity number fits the others (GB 11643, ISO 7064 MOD 11-2)."""
    if len(number) != 18:
        return False
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def _is_date(number: str) -> bool:
    if len(number) != 8:
        return False
    try:
        return 1900 <= date(int(number[:4]), int(number[4:6]), int(number[6:])).year < 2100
    except ValueError:
        return False


_RUN = re.compile(r"(?<![\w.])\+?\d(?:[ .·()-]{0,2}\d){6,19}(?:[ -]?[xX])?(?![\w])", re.ASCII)
_PARTING = re.compile(r"[^0-9xX+]")
_IDENTITY = re.compile(r"[1-8]\d{5}(?:19|20)\d{9}[\dxX]|[1-8]\d{14}")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_DWELLING = re.compile(r"\d+\s*单元|(?<!\d)\d{2,4}\s*[室户](?!外)")
_FIXED = re.compile(r"0\d{9,11}|[2-9]\d{6,7}|[48]00\d{7}")
