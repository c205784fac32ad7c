"""Fuzzed: short texts that people and machines write: instants, units, expressions, areas, queries of SensorThings."""

from alerts.conditions.expression import FUNCTIONS, compile_expression, evaluate, fault
from app.api.context import ApiLimits
from app.sensorthings.addresses import NoSuchAddress, parse_address
from app.sensorthings.options import parse_options
from model.area import InvalidArea, parse_area
from model.expression import QueryRefused
from model.instant import format_instant, parse_instant
from model.vocabulary import PROPERTIES, UnknownUnit, conversion, units_of
from store.thing_entities import ENTITIES
from tests.fuzz.target import Target, must_say, text_of, words_in


def instants() -> Target:
    """RFC 3339 texts; what is written of an instant is read as the same."""

    def take(data: bytes) -> bool:
        text = text_of(data)
        try:
            instant = parse_instant(text)
        except ValueError as error:
            must_say(error)
            return False
        if 0 <= instant < 4_102_444_800_000:
            assert parse_instant(format_instant(instant)) == instant
        return True

    good = [
        b"2026-11-22T08:00:00.000Z",
        b"2026-11-22T16:00:00+08:00",
        b"1969-12-31T23:59:59.9999999Z",
        b"2024-02-29t00:00:00z",
    ]
    return Target(
        take=take, good=good, words=words_in("2026 - : T Z z . +23:59 -00:00 60 24 0001 9999 .123456789 02-30 t")
    )


def units() -> Target:
    """Units of every observed property."""
    properties = [*PROPERTIES.values()]

    def take(data: bytes) -> bool:
        text, accepted = text_of(data), False
        for observed in properties:
            try:
                factor, _ = conversion(observed, text)
            except UnknownUnit as error:
                must_say(error)
            else:
                accepted = True
                assert factor > 0
        return accepted

    good = sorted({unit.encode() for observed in properties for unit in units_of(observed)})
    return Target(take=take, good=good, words=[*good, *words_in("% / . { } [ ] 10* ^ k m u µ Pa l L d")], bytes_max=200)


def expressions() -> Target:
    """Texts of arithmetic: refused with words, or evaluated to a finite number or none."""
    values = ({"value": 1.0, "other": 2.0}, {"value": 0.0, "other": -1e308}, {"value": 1e308, "other": 1e-308})

    def take(data: bytes) -> bool:
        text = text_of(data)
        try:
            compiled = compile_expression(text, {"other": None})
        except ValueError as error:
            must_say(error)
            return False
        for given in values:
            evaluate(compiled, given)
        found = fault(text, ["other"])
        assert found is None or ": " in found
        return True

    good = words_in("value-other max(value,other,1)/(other+2) interpolate(value,-10,60,10,40) abs(-value)*sqrt(other)")
    words = [*words_in(
        "value other + - * / ( ) , 1 2.5 1e9 0 ** // % if else lambda: [ ] { } . ' f'{x}' 0x 1_0 1j "
        "and not := * #"
    ),
             *(name.encode() for name in FUNCTIONS)]  # fmt: skip
    return Target(take=take, good=good, words=words, bytes_max=600)


def areas() -> Target:
    """Areas that keys are bound to; what is kept of one names the same."""

    def take(data: bytes) -> bool:
        try:
            area = parse_area(text_of(data))
        except InvalidArea:
            return False
        assert parse_area(str(area)) == area
        return True

    good = [
        b"*",
        b"province:gansu",
        b"jiayuguan",
        b"jiayuguan/xiongguan",
        "嘉峪关".encode(),
        "jiayuguan/雄关区".encode(),
    ]
    return Target(take=take, good=good, words=words_in("* / province: : - _ a 1 区"), bytes_max=300)


def sensorthings_queries() -> Target:
    """The query options of a request."""
    limits = ApiLimits()

    def take(data: bytes) -> bool:
        items = [(name, value) for name, _, value in (part.partition("=") for part in text_of(data).split("&"))]
        accepted = False
        for entity in ENTITIES:
            try:
                parse_options(items, entity, limits)
                accepted = True
            except QueryRefused as error:
                must_say(error.remedy)
        return accepted

    good = [
        b"$top=5&$skip=2&$count=true&$orderby=name desc,@iot.id",
        b"$select=name,@iot.id&$expand=Datastreams($top=1;$expand=Sensor)",
        b"$filter=result gt 5 and not (phenomenonTime lt 2026-11-22T08:00:00Z or startswith(name,'x''y'))",
        b"$filter=st_within(location,geography'POLYGON((98 39,99 39,99 40,98 39))') and result add 2 mul 3 eq 7",
        b"$filter=phenomenonTime gt now() sub duration'P1DT2H3M4.5S'&$resultFormat=dataArray",
    ]  # fmt: skip
    words = words_in(
        "$filter= $top= $expand= $select= $orderby= & ; = ( ) , / ' '' and or not eq ne gt add sub mul div mod "
        "true null Thing Datastreams name result phenomenonTime @iot.id geography'POINT(98 39)' duration'PT1H' 1e999 "
        "substringof( concat( now() length( 2026-11-22T08:00:00Z 2026-02-30 asc desc properties/city"
    )
    return Target(take=take, good=good, words=words, bytes_max=4_000)


def sensorthings_addresses() -> Target:
    """The paths of SensorThings resources."""

    def take(data: bytes) -> bool:
        try:
            parse_address(text_of(data))
        except (NoSuchAddress, QueryRefused):
            return False
        return True

    good = [
        b"Things('x')/Datastreams",
        b"Datastreams('it''s')/Observations(5)/result/$value",
        b"Things('x')/Locations/$ref",
    ]
    return Target(
        take=take, good=good, words=words_in("Things Datastreams Sensor ( ) ' '' / $ref $value name @iot.id -1 9")
    )
