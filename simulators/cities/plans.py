"""What each simulated city is to hold: where it lies, how it falls, how much of everything there is in it.

Numbers marked "named" are those that public accounts of the place give; all others are ours, plausible for its size.
Coordinates of the cities and seats are the real ones, rounded to a hundredth of a degree.
"""

from dataclasses import dataclass, replace

PROVINCE_SENSORS = 250_000
"""Sensors of Yunnan's sixteen cities together, near enough."""


class UnknownCity(ValueError):
    """A city that is not modelled; the text names those that are."""


@dataclass(frozen=True, slots=True)
class CityPlan:
    """The plan of a city. Lengths in kilometres, `fall` in metres of ground per metre towards the given direction."""

    name: str
    code: str  # begins the ids of what stands in the city
    name_en: str
    name_zh: str
    longitude: float
    latitude: float
    ground_m: float
    fall: float = 0.008
    fall_east: float = 0.6
    fall_north: float = 0.8
    districts: tuple[tuple[str, str], ...] = ()
    streets: tuple[tuple[str, str], ...] = ()
    manholes: int = 7_519
    drainage_km: float = 205.89
    outfalls: int = 4
    storm_trunks: tuple[int, int] = (0, 0)  # lengthwise, across
    sewage_m3_d: float = 32_000.0
    sewage_stations: int = 11
    water_m3_d: float = 45_000.0
    ageing_gas_km: float = 61.24
    gas_alarms: int = 1_674
    gas_heads: int = 420  # in valve chambers, and in manholes beside old pipes
    gas_regulators: int = 55
    lamp_posts: int = 1_248
    substations: int = 150
    water_gauges: int = 150
    low_points: int = 40
    bridges: int = 3
    slopes: int = 6
    goaf_points: int = 0
    tailings_sections: int = 0
    rain_gauges: int = 8
    storm_mm_h: float = 16.0  # the hour's rain for which the drains are made
    mode: str = "test"  # or exercise; a simulated city is never in operation

    @property
    def city(self) -> str:
        """The id of the city in the registry."""
        return f"{self.name}-exercise" if self.mode == "exercise" else f"{self.name}-sim"


JIAYUGUAN = CityPlan(
    "jiayuguan", "jyg", "Jiayuguan", "嘉峪关", 98.29, 39.77, 1_668.0,
    districts=(("Xiongguan", "雄关区"), ("Jingtie", "镜铁区"), ("Changcheng", "长城区")),
    streets=(
        ("Xinhua Road", "新华路"), ("Xiongguan Road", "雄关路"), ("Jingtie Road", "镜铁路"), ("Shengli Road", "胜利路"),
        ("Lanxin Road", "兰新路"), ("Jianshe Road", "建设路"), ("Wuyi Road", "五一路"), ("Yingbin Road", "迎宾路"),
        ("Jingang Road", "金港路"),
    ),
)  # fmt: skip
# Named: 7,519 manholes, 205.89 km, 61.24 km, 1,674 alarms, 1,248 poles, 32,000 m3/d, 11 stations, 55 blocks, 金港路.

JINCHANG = CityPlan(
    "jinchang", "jch", "Jinchang", "金昌", 102.19, 38.52, 1_540.0, fall=0.009, fall_east=0.28, fall_north=0.96,
    districts=(("Jinchuan", "金川区"), ("Development Zone", "经开区")),
    streets=(
        ("Beijing Road", "北京路"), ("Shanghai Road", "上海路"), ("Xinhua Road", "新华路"), ("Jinchuan Road", "金川路"),
        ("Yan'an Road", "延安路"), ("Changchun Road", "长春路"), ("Tianjin Road", "天津路"),
        ("Gongnong Road", "工农路"),
    ),
    manholes=3_800, drainage_km=112.0, outfalls=2, storm_trunks=(4, 1), sewage_m3_d=24_000.0, sewage_stations=5,
    water_m3_d=34_000.0, ageing_gas_km=28.0, gas_alarms=860, gas_heads=240, gas_regulators=34, lamp_posts=720,
    substations=96, water_gauges=90, low_points=36, bridges=2, slopes=8, goaf_points=60, tailings_sections=6,
    rain_gauges=6, storm_mm_h=17.0,
)  # fmt: skip
# Named: five storm trunks, four lengthwise and one across (四纵一横); goaf and tailings pond.

# Seat, code, names, longitude, latitude, ground (m), share of the province's sensors in per mille, heated in winter.
_SEATS = (
    ("kunming", "kmg", "Kunming", "昆明", 102.83, 25.04, 1_892.0, 262, False),
    ("qujing", "qjg", "Qujing", "曲靖", 103.80, 25.49, 1_862.0, 112, False),
    ("yuxi", "yxi", "Yuxi", "玉溪", 102.55, 24.35, 1_634.0, 64, False),
    ("baoshan", "bsh", "Baoshan", "保山", 99.16, 25.11, 1_655.0, 55, False),
    ("zhaotong", "zto", "Zhaotong", "昭通", 103.72, 27.34, 1_910.0, 66, False),
    ("lijiang", "ljg", "Lijiang", "丽江", 100.23, 26.86, 2_400.0, 38, False),
    ("puer", "per", "Pu'er", "普洱", 100.97, 22.78, 1_302.0, 44, False),
    ("lincang", "lcg", "Lincang", "临沧", 100.09, 23.88, 1_467.0, 36, False),
    ("chuxiong", "cxg", "Chuxiong", "楚雄", 101.53, 25.05, 1_773.0, 52, False),
    ("honghe", "hhe", "Honghe", "红河", 103.36, 23.40, 1_313.0, 72, False),
    ("wenshan", "wsh", "Wenshan", "文山", 104.22, 23.40, 1_260.0, 44, False),
    ("xishuangbanna", "xsb", "Xishuangbanna", "西双版纳", 100.80, 22.01, 558.0, 42, False),
    ("dali", "dli", "Dali", "大理", 100.23, 25.59, 1_976.0, 64, False),
    ("dehong", "dhg", "Dehong", "德宏", 98.59, 24.43, 920.0, 29, False),
    ("nujiang", "njg", "Nujiang", "怒江", 98.86, 25.82, 820.0, 10, False),
    ("diqing", "dqg", "Diqing", "迪庆", 99.70, 27.83, 3_280.0, 10, True),
)
_QUARTERS = (
    ("East", "东"), ("West", "西"), ("South", "南"), ("North", "北"), ("Centre", "中心"), ("New Town", "新城"),
    ("Lakeside", "湖滨"), ("Hillside", "山前"),
)  # fmt: skip
_SENSORS_OF_ONE = 12_510  # of a city with the counts below, each for the size 1


def _seat(
    name: str, code: str, name_en: str, name_zh: str, lon: float, lat: float, ground_m: float, share: int, heated: bool
) -> CityPlan:
    size = PROVINCE_SENSORS * share / 1_000 / _SENSORS_OF_ONE

    def of(count: float) -> int:
        return max(1, round(count * size))

    turn = sum(name.encode())
    parts = max(2, min(8, round(3 * size)))
    return CityPlan(
        name, code, name_en, name_zh, lon, lat, ground_m,
        fall=0.004 + 0.001 * (turn % 4), fall_east=(0.6, -0.6, 0.8, -0.8)[turn % 4],
        fall_north=(0.8, -0.8, -0.6, 0.6)[turn % 4],
        districts=tuple((f"{name_en} {en}", f"{name_zh}{zh}片区") for en, zh in _QUARTERS[:parts]),
        manholes=of(7_519), drainage_km=round(205.89 * size, 2), outfalls=max(2, of(4)),
        sewage_m3_d=round(60_000 * size), sewage_stations=of(11), water_m3_d=round(80_000 * size),
        ageing_gas_km=round(30.0 * size, 2), gas_alarms=of(1_760), gas_heads=of(480), gas_regulators=of(55),
        lamp_posts=of(1_560), substations=of(40) if heated else 0, water_gauges=of(200), low_points=of(70),
        bridges=of(5), slopes=of(40), rain_gauges=max(3, of(16)), storm_mm_h=36.0,
    )  # fmt: skip


YUNNAN = tuple(_seat(*seat) for seat in _SEATS)
PLATFORM_CITIES = {"jiayuguan": (JIAYUGUAN,), "jinchang": (JINCHANG,), "yunnan": YUNNAN}
"""The cities of each platform."""

PLANS = {plan.name: plan for plans in PLATFORM_CITIES.values() for plan in plans}


def plan_of(name: str) -> CityPlan:
    """Return the plan of the city of that name. Raises UnknownCity."""
    if name not in PLANS:
        raise UnknownCity(f"there is no city {name!r}; use one of: {', '.join(PLANS)}")
    return PLANS[name]


def small(plan: CityPlan, share: float) -> CityPlan:
    """Return the plan with every count and length cut to the share, for demonstrations and tests."""

    def of(count: int, least: int = 1) -> int:
        return max(least, round(count * share)) if count else 0

    return replace(
        plan, manholes=of(plan.manholes), drainage_km=round(plan.drainage_km * share, 3), outfalls=of(plan.outfalls),
        sewage_m3_d=plan.sewage_m3_d * share, sewage_stations=of(plan.sewage_stations),
        water_m3_d=plan.water_m3_d * share, ageing_gas_km=round(plan.ageing_gas_km * share, 3),
        gas_alarms=of(plan.gas_alarms), gas_heads=of(plan.gas_heads, 6), gas_regulators=of(plan.gas_regulators),
        lamp_posts=of(plan.lamp_posts), substations=of(plan.substations), water_gauges=of(plan.water_gauges, 4),
        low_points=of(plan.low_points, 2), bridges=of(plan.bridges), slopes=of(plan.slopes),
        goaf_points=of(plan.goaf_points, 8), tailings_sections=of(plan.tailings_sections, 2),
        rain_gauges=of(plan.rain_gauges, 2),
    )  # fmt: skip
