"""The vocabulary in the words of SensorThings: units by their UCUM code and name, properties with their definition."""

from functools import lru_cache
from urllib.parse import quote

from app.sensorthings.addresses import link_to
from model.vocabulary import PROPERTIES
from store.thing_entities import PropertyWords

UNIT_DEFINITION = "http://www.opengis.net/def/uom/UCUM/"
UNIT_NAMES = {
    "%{LEL}": "per cent of the lower explosive limit", "kPa": "kilopascal", "MPa": "megapascal",
    "m3/h": "cubic metre per hour", "mg/m3": "milligram per cubic metre", "%": "per cent", "L/s": "litre per second",
    "dB": "decibel", "[NTU]": "nephelometric turbidity unit", "mg/L": "milligram per litre", "cm": "centimetre",
    "m": "metre", "1": "one", "mm": "millimetre", "mm/d": "millimetre per day", "deg": "degree of angle",
    "um/m": "micrometre per metre", "m/s2": "metre per second squared", "Cel": "degree Celsius",
    "m/s": "metre per second", "W": "watt", "V": "volt", "A": "ampere",
}  # fmt: skip


@lru_cache(maxsize=16)  # the root is what the caller calls this host
def property_words(root: str) -> tuple[PropertyWords, ...]:
    """Return the vocabulary; a property is defined where this service tells of it."""
    return tuple(
        PropertyWords(
            property=observed.name,
            name=observed.name.replace("_", " "),
            definition=link_to(root, "ObservedProperties", observed.name),
            unit=observed.unit,
            unit_name=UNIT_NAMES[observed.unit],
            unit_definition=UNIT_DEFINITION + quote(observed.unit, safe=""),
        )
        for observed in PROPERTIES.values()
    )
