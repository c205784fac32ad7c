"""Reads a $filter and $orderby: a recursive descent over OData's grammar as SensorThings 1.1 uses it.

Precedence from weak to strong: or, and, not, comparisons, add and sub, mul div and mod, as in OData 4.0 URL
Conventions, 5.1.1.9. That `not` stands before comparisons there gives the same: not a eq b is (not a) eq b.
"""

from dataclasses import dataclass

from app.sensorthings.filter_words import Word, words_of
from model.expression import Call, Expression, Negation, Operation, Path, QueryRefused, Value

NAMES_MAX = 6  # of a path
_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_CONSTANTS = {"true": Value("truth", True), "false": Value("truth", False), "null": Value("nothing", None)}


def parse_filter(text: str, *, words_max: int, levels_max: int) -> Expression:
    """Return what a $filter says. Raises QueryRefused where it cannot be read or is too long or too deep."""
    reader = _Reader(words_of(text, "$filter"), "$filter", levels_max)
    if len(reader.words) > words_max:
        raise QueryRefused("$filter", f"has more than {words_max} words", "ask in several requests")
    expression = reader.either()
    reader.end()
    return expression


def parse_order(text: str, *, words_max: int) -> tuple[tuple[Path, bool], ...]:
    """Return the paths of an $orderby, each with whether it descends. Raises QueryRefused."""
    reader = _Reader(words_of(text, "$orderby"), "$orderby", 1)
    if len(reader.words) > words_max:
        raise QueryRefused("$orderby", f"has more than {words_max} words", "order by fewer properties")
    terms: list[tuple[Path, bool]] = []
    while True:
        path = reader.operand()
        if not isinstance(path, Path):
            raise QueryRefused("$orderby", "orders by more than a property", "name properties", supported=False)
        direction = reader.take("asc", "desc", "ASC", "DESC")  # as some clients write them
        terms.append((path, direction in ("desc", "DESC")))
        if reader.take(",") is None:
            break
    reader.end()
    return tuple(terms)


@dataclass(slots=True)
class _Reader:
    words: list[Word]
    field: str
    levels_max: int
    place: int = 0
    level: int = 0

    def take(self, *texts: str) -> str | None:
        """Go past the next word where it is one of these names or marks, and return it."""
        word = self.words[self.place]
        if word.kind in ("name", "mark") and word.text in texts:
            self.place += 1
            return word.text
        return None

    def need(self, text: str) -> None:
        if self.take(text) is None:
            raise self.refused(f"write {text!r} there")

    def end(self) -> None:
        if self.words[self.place].kind != "end":
            raise self.refused("join conditions by `and` or `or`")

    def refused(self, remedy: str) -> QueryRefused:
        word = self.words[self.place]
        found = "the end" if word.kind == "end" else repr(word.text[:40])
        return QueryRefused(self.field, f"does not go on with {found}", remedy)

    def either(self) -> Expression:
        self.level += 1
        if self.level > self.levels_max:
            raise QueryRefused(self.field, f"is nested deeper than {self.levels_max}", "leave parentheses out")
        left = self.both()
        while self.take("or"):
            left = Operation("or", left, self.both())
        self.level -= 1
        return left

    def both(self) -> Expression:
        left = self.condition()
        while self.take("and"):
            left = Operation("and", left, self.condition())
        return left

    def condition(self) -> Expression:
        negations = 0
        while self.take("not"):
            negations += 1
        left = self.sum()
        operator = self.take(*_COMPARISONS)
        if operator is not None:
            left = Operation(operator, left, self.sum())
        return left if negations % 2 == 0 else Negation(left)

    def sum(self) -> Expression:
        left = self.product()
        while operator := self.take("add", "sub"):
            left = Operation(operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.operand()
        while operator := self.take("mul", "div", "mod"):
            left = Operation(operator, left, self.operand())
        return left

    def operand(self) -> Expression:
        word = self.words[self.place]
        if word.value is not None:
            self.place += 1
            return word.value
        if self.take("("):
            inner = self.either()
            self.need(")")
            return inner
        if word.kind != "name":
            raise self.refused("name a property or write a value")
        self.place += 1
        if self.take("("):
            return Call(word.text.lower(), self.arguments())
        if word.text in _CONSTANTS:
            return _CONSTANTS[word.text]
        names = [word.text]
        while self.take("/"):
            part = self.words[self.place]
            if part.kind != "name":
                raise self.refused("name a property after the /")
            names.append(part.text)
            self.place += 1
        if len(names) > NAMES_MAX:
            raise QueryRefused(self.field, f"goes over more than {NAMES_MAX} names", "begin nearer to the property")
        return Path(tuple(names))

    def arguments(self) -> tuple[Expression, ...]:
        if self.take(")"):
            return ()
        arguments = [self.either()]
        while self.take(","):
            arguments.append(self.either())
        self.need(")")
        return tuple(arguments)
