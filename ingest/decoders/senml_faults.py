"""Says in a word and a sentence why a SenML record, or a whole pack, could not be used."""

import math
from typing import Any

from ingest.decoders.faults import kind_of, repeated
from ingest.reasons import Fault, Reason, printable

_FIELDS = ("bn", "bt", "bu", "bv", "bs", "bver", "n", "t", "u", "v", "vs", "vb", "vd", "s", "ut")
_OTHER_VALUES = {"vs": "a text", "vb": "a boolean", "vd": "data", "s": "a sum"}
_SECONDS_MAX = 2**53


def pack_fault(fields: dict[str, Any], version_max: int) -> Fault | None:
    """Return why the whole pack must not be read: its version, or a field that has to be understood."""
    version = fields.get("bver")
    if version is not None and not (_is_number(version) and 0 < version <= version_max):
        said = printable(str(version), 40) if _is_number(version) else kind_of(version)
        return Fault(Reason.VERSION_UNKNOWN, f"bver {said} is not known; send version {version_max} of SenML, or none")
    for name in fields:
        if name.endswith("_"):
            said = printable(name, 40)
            return Fault(
                Reason.FIELD_UNKNOWN,
                f"field {said!r} must be understood (it ends with _) and is not; send the pack without it",
            )
    return None


def repeated_senml_field(pairs: list[tuple[str, Any]]) -> Fault | None:
    """Return the fault of a record that says one of its fields twice."""
    return repeated(pairs, _FIELDS)


def base_fault(fields: dict[str, Any]) -> Fault | None:
    """Return what is wrong with the base values of a record."""
    for field in ("bn", "bu"):
        text = fields.get(field)
        if text is not None and not _is_text(text):
            reason = Reason.SENSOR_MALFORMED if field == "bn" else Reason.UNIT_UNKNOWN
            return Fault(reason, f"{field} is {kind_of(text)}; write it as a text")
    for field in ("bt", "bv"):
        number = fields.get(field)
        if number is not None and not _is_number(number):
            reason = Reason.TIME_MALFORMED if field == "bt" else Reason.VALUE_NOT_A_NUMBER
            return Fault(reason, f"{field} is {kind_of(number)}, or beyond all bounds; send a number")
    return None


def record_fault(fields: dict[str, Any]) -> Fault | None:
    """Return what is wrong with the fields of one record, its base values aside."""
    for field, reason in (("n", Reason.SENSOR_MALFORMED), ("u", Reason.UNIT_UNKNOWN)):
        text = fields.get(field)
        if text is not None and not _is_text(text):
            return Fault(reason, f"{field} is {kind_of(text)}; write it as a text")
    time, value = fields.get("t"), fields.get("v")
    if time is not None and (not _is_number(time) or abs(time) > _SECONDS_MAX):
        return Fault(Reason.TIME_MALFORMED, f"t is {kind_of(time)}, or beyond all bounds; send seconds as a number")
    if value is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Fault(Reason.VALUE_NOT_A_NUMBER, f"v is {kind_of(value)}; send a number")
        if not _is_number(value):
            return Fault(Reason.VALUE_NOT_FINITE, "v is not a finite number; send nothing where nothing was measured")
        return None
    for field, kind in _OTHER_VALUES.items():
        if field in fields:
            return Fault(Reason.VALUE_NOT_A_NUMBER, f"the record has {kind} ({field}); only numbers (v) are taken")
    if "v" in fields or any(field in fields for field in ("n", "t", "u")):
        return Fault(Reason.NO_VALUE, "no field 'v'; send the measured number in it")
    return None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")  # half a character is none
    except UnicodeEncodeError:
        return False
    return True
