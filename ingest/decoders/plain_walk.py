"""The kernels behind ingest.decoders.plain: one walk over the bytes of many entries, one over their times.

They are compiled, or taken from numba's cache, when this module is imported: no message has to wait for it.
"""
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# numba infers the types of kernels

import numba
import numpy as np

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_ROWS = numba.int64[::1]

UNREAD = np.iinfo(np.int64).min
FIELDS = (b"time", b"value", b"unit", b"quality", b"sensor")

_NAMES = np.zeros((len(FIELDS), 8), np.uint8)  # the fields with the quotation mark behind them
_FIELD_OF = np.full(256, -1, np.int8)  # by first letter, which no two of them share
for _field, _name in enumerate(FIELDS):
    _NAMES[_field, : len(_name) + 1] = np.frombuffer(_name + b'"', np.uint8)
    _FIELD_OF[_name[0]] = _field
_MARK, _BRACE, _BACKSLASH, _PERCENT = b'"{\\%'
_ZERO, _DASH, _COLON, _POINT, _PLUS, _T, _Z = b"0-:.+TZ"
_MONTH_DAYS = np.array((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))


@numba.njit(_ROWS(_BYTES), cache=True)
def tally(content):
    """Return how often each of FIELDS stands in JSON, in quotation marks, and `{` but after `%`; int64 (6,).

    -1 for all of them where there is a backslash: names can be written with escapes, and the marks then mean nothing.
    """
    counts = np.zeros(len(_NAMES) + 1, np.int64)
    end = len(content)
    for place in range(end):
        byte = content[place]
        if byte == _MARK and place + 1 < end:
            field = _FIELD_OF[content[place + 1]]
            if field >= 0:
                at = 0
                while place + 1 + at < end and content[place + 1 + at] == _NAMES[field, at] != _MARK:
                    at += 1
                if place + 1 + at < end and content[place + 1 + at] == _NAMES[field, at]:
                    counts[field] += 1
        elif byte == _BRACE:
            if place == 0 or content[place - 1] != _PERCENT:
                counts[-1] += 1
        elif byte == _BACKSLASH:
            counts[:] = -1
            return counts
    return counts


@numba.njit(cache=True)
def _number(text, place, digits):
    """Return the number that so many digits make, -1 where there is another sign among them."""
    number = np.int64(0)
    for at in range(place, place + digits):
        digit = np.int64(text[at]) - _ZERO
        if not 0 <= digit <= 9:
            return np.int64(-1)
        number = 10 * number + digit
    return number


@numba.njit(cache=True)
def _day(year, month, day):
    """Return the days since 1970-01-01, -1 for no day of the Gregorian calendar, or none in the years 1970 to 2999.

    Counted in years that begin with March, so that the leap day is the last (H. Hinnant, "chrono-compatible low-level
    date algorithms", days_from_civil).
    """
    if not (1970 <= year <= 2999 and 1 <= month <= 12 and day >= 1):
        return -1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _MONTH_DAYS[month - 1] + (month == 2 and leap):
        return -1
    if month <= 2:
        year -= 1
    since_march = (month + 9) % 12
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * since_march + 2) // 5 + day - 719_469


@numba.njit(cache=True)
def _milliseconds(text, begin, end):
    """Return the epoch milliseconds of one text, UNREAD where it is not of the usual form."""
    if end - begin < 20 or text[begin + 4] != _DASH or text[begin + 7] != _DASH or text[begin + 10] != _T:
        return UNREAD
    if text[begin + 13] != _COLON or text[begin + 16] != _COLON:
        return UNREAD
    day = _day(_number(text, begin, 4), _number(text, begin + 5, 2), _number(text, begin + 8, 2))
    hour = _number(text, begin + 11, 2)
    minute = _number(text, begin + 14, 2)
    second = _number(text, begin + 17, 2)
    if day < 0 or not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return UNREAD
    place = begin + 19
    fraction = np.int64(0)
    if text[place] == _POINT:
        digits = 0
        while place + 1 + digits < end and 0 <= np.int64(text[place + 1 + digits]) - _ZERO <= 9:
            if digits < 3:
                fraction = 10 * fraction + np.int64(text[place + 1 + digits]) - _ZERO
            digits += 1
        if not 1 <= digits <= 6:
            return UNREAD
        for _ in range(digits, 3):
            fraction *= 10
        place += 1 + digits
    offset = 0
    if end - place == 6 and (text[place] == _PLUS or text[place] == _DASH) and text[place + 3] == _COLON:
        hours = _number(text, place + 1, 2)
        minutes = _number(text, place + 4, 2)
        if not (0 <= hours <= 23 and 0 <= minutes <= 59):
            return UNREAD
        offset = (60 * hours + minutes) * (1 if text[place] == _PLUS else -1)
    elif end - place != 1 or text[place] != _Z:
        return UNREAD
    return (((day * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + fraction


@numba.njit(_ROWS(_BYTES, _ROWS), cache=True)
def read_times(text, ends):
    """Return the epoch milliseconds of texts that stand one after the other, uint8, and end at `ends`; int64 (n,).

    Of the forms that RFC 3339 allows, those that devices send: `2026-11-22T08:00:00.000Z`, with none to six digits of
    a fraction, of which three count, and with an offset in place of the `Z`. Any other text is UNREAD.
    """
    times = np.empty(len(ends), np.int64)
    begin = 0
    for row in range(len(ends)):
        times[row] = _milliseconds(text, begin, ends[row])
        begin = ends[row]
    return times
