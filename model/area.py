"""Areas that a key or user is bound to: everything, a province, a city, or a district of a city; and what is in them.

As text: `*`, `province:gansu`, `jiayuguan`, `jiayuguan/xiongguan`. Which cities lie in a province the database knows:
its function `areas_now` adds them, and a caller's areas are what it says.
"""

from collections.abc import Iterable, Sequence

import msgspec

from model.plain_text import InvalidText, clean_text
from model.sensor import IDENTIFIER

EVERYWHERE = "*"
PROVINCE = "province:"
DISTRICT_CHARACTERS_MAX = 64
FORMS = "write * for everything, province:gansu, jiayuguan for a city, or jiayuguan/xiongguan for one of its districts"


class InvalidArea(ValueError):
    """A text that is no area; says why and how to write one."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"area {text[:80]!r}: {problem}; {FORMS}")


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """One area: a province, a city, a district of a city, or, where nothing is named, everything."""

    province: str = ""
    city: str = ""
    district: str = ""

    def __str__(self) -> str:
        if self.province:
            return PROVINCE + self.province
        if self.district:
            return f"{self.city}/{self.district}"
        return self.city or EVERYWHERE


def parse_area(text: str) -> Area:
    """Return the area that a text names, whether or not anything is known to be there. Raises InvalidArea."""
    if text == EVERYWHERE:
        return Area()
    if text.startswith(PROVINCE):
        return Area(province=_identifier(text, text.removeprefix(PROVINCE), "province"))
    city, slash, district = text.partition("/")
    _identifier(text, city, "city")
    if not slash:
        return Area(city=city)
    try:
        district = clean_text("district", district, DISTRICT_CHARACTERS_MAX)
    except InvalidText as error:
        raise InvalidArea(text, str(error)) from None
    if not district or district != district.strip():
        raise InvalidArea(text, "the district is empty, or begins or ends with a space")
    return Area(city=city, district=district)


def written_areas(texts: Iterable[str]) -> list[str]:
    """Return areas as they are kept, each once, in the order given. Raises InvalidArea."""
    return list(dict.fromkeys(str(parse_area(text)) for text in texts))


def covers(areas: Sequence[str], city: str, district: str = "") -> bool:
    """Whether a district of a city is within the areas or, where no district is named, the whole city."""
    return EVERYWHERE in areas or city in areas or (district != "" and f"{city}/{district}" in areas)


def touches(areas: Sequence[str], city: str) -> bool:
    """Whether the city or any district of it is within the areas."""
    return covers(areas, city) or any(area.startswith(f"{city}/") for area in areas)


def within_city(areas: Sequence[str], city: str) -> tuple[str, ...]:
    """Return what of the areas lies in a city: all of it, some of its districts, or nothing."""
    return (city,) if covers(areas, city) else tuple(area for area in areas if area.startswith(f"{city}/"))


def touched_cities(areas: Sequence[str]) -> list[str]:
    """Return the cities of which the areas hold all or some: `*` stays as it is."""
    return sorted({area.partition("/")[0] for area in areas if not area.startswith(PROVINCE)})


def districts_by_city(areas: Sequence[str]) -> dict[str, list[str]]:
    """Return the districts among the areas, by city."""
    found: dict[str, list[str]] = {}
    for area in areas:
        city, slash, district = area.partition("/")
        if slash:
            found.setdefault(city, []).append(district)
    return found


def _identifier(text: str, name: str, what: str) -> str:
    if not IDENTIFIER.fullmatch(name):
        raise InvalidArea(text, f"the {what} {name[:64]!r} is not 1 to 64 of A-Z a-z 0-9 _ -")
    return name
