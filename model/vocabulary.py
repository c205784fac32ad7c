"""The vocabulary: systems, observed properties with their unit, range and dangerous direction, and UCUM units."""

import math
from dataclasses import dataclass
from typing import Literal

Danger = Literal["high", "low", "none"]
UnitJumps = Literal["none", "thousands", "decades"]

SYSTEMS = ("gas", "water", "drainage", "displacement", "heating", "bridge", "weather", "lighting")
MODES = ("operational", "exercise", "test")


@dataclass(frozen=True, slots=True)
class ObservedProperty:
    """A property that sensors observe: its unit (UCUM), the widest plausible range in it, and where danger lies.

    `danger` names the direction in which a value beyond the range is evaluated at the range's end at once instead of
    being held back (invariant I5).

    `rate_max` (unit per second) is faster than the thing measured, or a sensor of it, can change; infinite where sudden
    steps are real. `constant_s_max`: an unchanging value is not credible for longer than this, infinite where constancy
    is normal; `rest` is the magnitude up to which it is normal all the same (clean air, no flow). `sentinels` are what
    devices for this property send, in their own unit, for "no measurement", taken as such inside the range too.
    `unit_jumps`: which factors from the recent level tell of a unit mixed up rather than of a change.
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    danger: Danger = "none"
    rate_max: float = math.inf
    constant_s_max: float = math.inf
    rest: float = 0.0
    sentinels: tuple[float, ...] = ()
    unit_jumps: UnitJumps = "thousands"


# Ranges are generous: they tell a broken signal from a strange day, a sensor's own valid_min and valid_max tell more.
# So are rates: they follow the inertia of what is measured (fastest change of air temperature on record 27 K in 2 min,
# a heating main's hot front at a thermowell of 10 s), and are left out where a burst, a collapse or a leak is sudden.
# Constancy is left out where a regulator, a dry gauge or coarse steps make it normal. docs/decisions/0009 has the why.
_DAY_S = 86_400.0
_THERMOMETER = (85.0, -127.0)  # DS18B20: not converted since power-on, no contact
_LOGGER = (-9_999.0, 65_535.0, 32_767.0, -32_768.0, 99_999.0)  # where the range is so wide that it holds them
_HEAT_METER = (-39.9, 0.0)  # dead: the bottom of its scale, or nothing
PROPERTIES = {
    p.name: p
    for p in (
        ObservedProperty("combustible_gas", "%{LEL}", -5, 100, "high", constant_s_max=_DAY_S, rest=5),
        ObservedProperty("gas_pressure", "kPa", -100, 12_000, unit_jumps="decades"),
        ObservedProperty("gas_flow", "m3/h", -1e6, 1e6, sentinels=_LOGGER),
        ObservedProperty("hydrogen_sulfide", "mg/m3", -5, 1_500, "high", constant_s_max=_DAY_S, rest=5),
        ObservedProperty("oxygen", "%", 0, 30, "low"),
        ObservedProperty("water_pressure", "MPa", -0.1, 6.3, constant_s_max=_DAY_S, rest=0.02, unit_jumps="decades"),
        ObservedProperty("water_flow", "L/s", -1e5, 1e5, sentinels=_LOGGER),
        ObservedProperty("leak_noise", "dB", -20, 200, unit_jumps="none"),
        ObservedProperty("turbidity", "[NTU]", 0, 10_000),
        ObservedProperty("residual_chlorine", "mg/L", 0, 50),
        ObservedProperty("water_depth", "cm", -50, 2_000, "high", rate_max=5),
        ObservedProperty("manhole_level", "m", -1, 50, "high", rate_max=1),
        ObservedProperty("sewer_flow", "L/s", -1e5, 1e5, sentinels=_LOGGER),
        ObservedProperty("storage_level", "m", -10, 500, rate_max=0.1),
        ObservedProperty("cover_open", "1", 0, 1, unit_jumps="none"),
        ObservedProperty("displacement", "mm", -1e6, 1e6, sentinels=_LOGGER),
        ObservedProperty("displacement_rate", "mm/d", -1e6, 1e6, unit_jumps="none", sentinels=_LOGGER),
        ObservedProperty("tilt", "deg", -180, 180),
        ObservedProperty("settlement", "mm", -1e5, 1e5, sentinels=_LOGGER),
        ObservedProperty("crack_width", "mm", -1e3, 1e4),
        ObservedProperty("phreatic_level", "m", -500, 9_000, rate_max=0.1),
        ObservedProperty("seepage_flow", "L/s", -1, 1e5),
        ObservedProperty("strain", "um/m", -1e5, 1e5, sentinels=_LOGGER),
        ObservedProperty("deflection", "mm", -1e4, 1e4),
        ObservedProperty("acceleration", "m/s2", -2e3, 2e3, unit_jumps="none"),
        ObservedProperty("vibration", "m/s2", -2e3, 2e3, unit_jumps="none"),
        ObservedProperty(
            "supply_temperature", "Cel", -60, 250, rate_max=10, constant_s_max=_DAY_S, sentinels=_HEAT_METER
        ),
        ObservedProperty(
            "return_temperature", "Cel", -60, 250, rate_max=10, constant_s_max=_DAY_S, sentinels=_HEAT_METER
        ),
        ObservedProperty("heating_pressure", "MPa", -0.1, 4, constant_s_max=_DAY_S, rest=0.02, unit_jumps="decades"),
        ObservedProperty("rainfall", "mm", 0, 500, unit_jumps="none"),
        ObservedProperty(
            "air_temperature", "Cel", -70, 70, rate_max=0.5, constant_s_max=_DAY_S, sentinels=_THERMOMETER
        ),
        ObservedProperty("water_temperature", "Cel", -10, 110, rate_max=2, sentinels=_THERMOMETER),
        ObservedProperty("temperature", "Cel", -100, 1_000),
        ObservedProperty("humidity", "%", 0, 110),
        ObservedProperty("wind_speed", "m/s", 0, 120, unit_jumps="none"),
        ObservedProperty("pressure", "kPa", -101.4, 1e5, unit_jumps="decades"),
        ObservedProperty("lamp_power", "W", -10, 1e5),
        ObservedProperty("voltage", "V", -1e6, 1e6),
        ObservedProperty("current", "A", -1e5, 1e5, unit_jumps="none"),
    )
}

# What devices send for "no measurement", in the unit they send; taken as such only where it lies outside the range.
SENTINELS = (
    65_535.0, 65_534.0, 32_767.0, -32_768.0, -9_999.0, -999.0, 1_999.9, -127.0, -39.9,
    99_999.0, 9_999.0, 9_999.9, 999.9, 6_553.5, 655.35, 3_276.7,
)  # fmt: skip

# Lower explosive limit in air, %vol, as commonly tabulated (NFPA 497); methane is the contract's own figure.
LOWER_EXPLOSIVE_LIMIT_VOL = {
    "methane": 5.0,
    "propane": 2.1,
    "butane": 1.9,
    "hydrogen": 4.0,
    "carbon_monoxide": 12.5,
}

# UCUM code -> (kind of quantity, factor, offset): value in the kind's first unit = factor * value + offset.
_UNITS: dict[str, tuple[str, float, float]] = {
    "Pa": ("pressure", 1.0, 0.0),
    "hPa": ("pressure", 1e2, 0.0),
    "kPa": ("pressure", 1e3, 0.0),
    "MPa": ("pressure", 1e6, 0.0),
    "bar": ("pressure", 1e5, 0.0),
    "mbar": ("pressure", 1e2, 0.0),
    "m[H2O]": ("pressure", 9_806.65, 0.0),
    "[psi]": ("pressure", 6_894.757_293_168_361, 0.0),
    "atm": ("pressure", 101_325.0, 0.0),
    "m": ("length", 1.0, 0.0),
    "cm": ("length", 1e-2, 0.0),
    "mm": ("length", 1e-3, 0.0),
    "um": ("length", 1e-6, 0.0),
    "[in_i]": ("length", 0.0254, 0.0),
    "[ft_i]": ("length", 0.3048, 0.0),
    "m3/s": ("flow", 1.0, 0.0),
    "m3/min": ("flow", 1 / 60, 0.0),
    "m3/h": ("flow", 1 / 3_600, 0.0),
    "m3/d": ("flow", 1 / 86_400, 0.0),
    "L/s": ("flow", 1e-3, 0.0),
    "L/min": ("flow", 1e-3 / 60, 0.0),
    "L/h": ("flow", 1e-3 / 3_600, 0.0),
    "Cel": ("temperature", 1.0, 0.0),
    "K": ("temperature", 1.0, -273.15),
    "[degF]": ("temperature", 5 / 9, -160 / 9),
    "m/s": ("speed", 1.0, 0.0),
    "km/h": ("speed", 1 / 3.6, 0.0),
    "mm/d": ("speed", 1e-3 / 86_400, 0.0),
    "mm/h": ("speed", 1e-3 / 3_600, 0.0),
    "cm/d": ("speed", 1e-2 / 86_400, 0.0),
    "m/d": ("speed", 1 / 86_400, 0.0),
    "mm/a": ("speed", 1e-3 / 31_557_600, 0.0),
    "m/s2": ("acceleration", 1.0, 0.0),
    "mm/s2": ("acceleration", 1e-3, 0.0),
    "[g]": ("acceleration", 9.80665, 0.0),
    "m[g]": ("acceleration", 9.80665e-3, 0.0),
    "deg": ("angle", 1.0, 0.0),
    "rad": ("angle", 57.295_779_513_082_32, 0.0),
    "mrad": ("angle", 0.057_295_779_513_082_32, 0.0),
    "mm/m": ("angle", 0.057_295_779_513_082_32, 0.0),  # small ones: at 100 mm/m a third of a per cent off
    "um/m": ("strain", 1.0, 0.0),
    "nm/m": ("strain", 1e-3, 0.0),
    "10*-6": ("strain", 1.0, 0.0),
    "1": ("number", 1.0, 0.0),
    "%": ("number", 1e-2, 0.0),
    "mg/m3": ("mass concentration", 1.0, 0.0),
    "ug/m3": ("mass concentration", 1e-3, 0.0),
    "mg/L": ("mass concentration", 1e3, 0.0),
    "g/m3": ("mass concentration", 1e3, 0.0),
    "ug/L": ("mass concentration", 1.0, 0.0),
    "[NTU]": ("turbidity", 1.0, 0.0),
    "[FNU]": ("turbidity", 1.0, 0.0),
    "dB": ("level", 1.0, 0.0),
    "W": ("power", 1.0, 0.0),
    "kW": ("power", 1e3, 0.0),
    "V": ("voltage", 1.0, 0.0),
    "mV": ("voltage", 1e-3, 0.0),
    "A": ("current", 1.0, 0.0),
    "mA": ("current", 1e-3, 0.0),
}

# UCUM writes the litre as L and as l; we write L.
_LITRES = {code.replace("L", "l"): code for code in ("L/s", "L/min", "L/h", "mg/L", "ug/L")}

# What people write and UCUM does not, with what UCUM writes: the remedy in an error, never accepted in silence.
_UCUM_WRITES = {
    "degC": "Cel",
    "°C": "Cel",
    "C": "Cel",
    "degF": "[degF]",
    "°F": "[degF]",
    "F": "[degF]",
    "psi": "[psi]",
    "in": "[in_i]",
    "inch": "[in_i]",
    "ft": "[ft_i]",
    "lps": "L/s",
    "m³/h": "m3/h",
    "m^3/h": "m3/h",
    "mH2O": "m[H2O]",
    "μm": "um",
    "µm": "um",
    "με": "um/m",
    "µε": "um/m",
    "ustrain": "um/m",
    "g": "[g]",
    "NTU": "[NTU]",
    "%LEL": "%{LEL}",
    "LEL": "%{LEL}",
    "%vol": "%{vol}",
    "%VOL": "%{vol}",
    "ppm": "[ppm]",
    "°": "deg",
    "kpa": "kPa",
    "Mpa": "MPa",
    "MPA": "MPa",
    "mm/day": "mm/d",
    "": "1",
}

STANDARD_ATMOSPHERE_PA = 101_325.0


class UnknownUnit(ValueError):
    """A unit that does not fit the property; the text names those that do."""


def conversion(
    observed: ObservedProperty, unit: str, *, gas: str = "methane", absolute: bool = False
) -> tuple[float, float]:
    """Return (factor, offset) so that `factor * value + offset` is in the property's own unit.

    `gas` names the calibration gas of a combustible-gas head, `absolute` says that a pressure is absolute, not gauge
    (one standard atmosphere is taken off). Raises UnknownUnit where the unit does not fit the property.
    """
    if observed.name == "combustible_gas":
        return _gas_conversion(unit, gas)
    if observed.name == "hydrogen_sulfide" and unit == "[ppm]":
        return 34.08 / 24.055, 0.0  # g/mol over L/mol at 20 Cel and 101.325 kPa
    own_kind, own_factor, own_offset = _UNITS[observed.unit]
    found = _UNITS.get(_LITRES.get(unit, unit))
    if found is None or found[0] != own_kind:
        raise UnknownUnit(_unit_remedy(observed, unit))
    _, factor, offset = found
    if absolute and own_kind == "pressure":
        offset -= STANDARD_ATMOSPHERE_PA
    return factor / own_factor, (offset - own_offset) / own_factor


def units_of(observed: ObservedProperty) -> list[str]:
    """Return the UCUM codes that the property takes."""
    if observed.name == "combustible_gas":
        return ["%{LEL}", "%{vol}", "[ppm]"]
    kind = _UNITS[observed.unit][0]
    fitting = [code for code, (its_kind, _, _) in _UNITS.items() if its_kind == kind]
    return [*fitting, "[ppm]"] if observed.name == "hydrogen_sulfide" else fitting


def _gas_conversion(unit: str, gas: str) -> tuple[float, float]:
    limit_vol = LOWER_EXPLOSIVE_LIMIT_VOL.get(gas)
    if limit_vol is None:
        raise UnknownUnit(f"gas {gas!r} is not known; use one of {', '.join(LOWER_EXPLOSIVE_LIMIT_VOL)}")
    if unit == "%{LEL}":
        return 1.0, 0.0
    if unit == "%{vol}":
        return 100.0 / limit_vol, 0.0
    if unit == "[ppm]":
        return 100.0 / (limit_vol * 1e4), 0.0
    raise UnknownUnit(_unit_remedy(PROPERTIES["combustible_gas"], unit))


def _unit_remedy(observed: ObservedProperty, unit: str) -> str:
    written = _UCUM_WRITES.get(unit)
    fitting = units_of(observed)
    if written in fitting:
        return f"unit {unit!r} is not UCUM; write {written}"
    if observed.name == "combustible_gas" and unit == "%":
        return "unit '%' does not say of what; write %{LEL} or %{vol}"
    return f"unit {unit!r} does not fit {observed.name}; use one of {', '.join(fitting)}"
