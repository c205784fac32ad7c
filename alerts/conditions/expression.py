"""Expression: arithmetic over a sensor's reading and those of others, for what no other kind says.

signal = the expression at each clean reading of the bound sensor, where `value` is that reading and each input the
newest clean reading of another sensor, held no longer than that sensor's readings are. Where an input is not there the
expression says nothing. What arrives at one instant is known together, in whatever order it came.

The text is parsed, never run: numbers, `value`, the inputs' names, `+ - * /`, unary minus, parentheses, and the
functions below; at most 500 characters and 64 parts. A result that is not finite is no signal.
"""

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from alerts.words import Part, Positive, Selector, Signal

CHARACTERS_MAX = 500
PARTS_MAX = 64
Values = Mapping[str, float]
Evaluate = Callable[[Values], float]


def interpolate(x: float, *points: float) -> float:
    """Return y at x on the line through points x1, y1, x2, y2, …, level beyond its ends."""
    if x <= points[0]:
        return points[1]
    for place in range(2, len(points), 2):
        if x <= points[place]:
            share = (x - points[place - 2]) / (points[place] - points[place - 2])
            return points[place - 1] + share * (points[place + 1] - points[place - 1])
    return points[-1]


# By name: the function, and the least and the greatest number of arguments.
FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "abs": (abs, 1, 1),
    "min": (min, 2, 16),
    "max": (max, 2, 16),
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "interpolate": (interpolate, 5, 33),
}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Mult: lambda one, other: one * other,
    ast.Div: lambda one, other: one / other,
}


class Input(Part):
    """Another sensor: of those that agree with `select` in the same area the nearest, else the first by name.

    `around` is `city`, `district` or `attributes.NAME`; `within_m` bounds the distance.
    """

    select: Selector
    around: Annotated[str, Field(pattern=r"^(city|district|attributes\.\S{1,64})$")] = "city"
    within_m: Positive | None = None


class Expression(Signal):
    """A text of arithmetic; `unit` names what comes out of it, for people."""

    kind: Literal["expression"]
    unit: Annotated[str, Field(min_length=1, max_length=32)]
    inputs: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], Input] = Field(default={}, max_length=8)
    expression: Annotated[str, Field(min_length=1, max_length=CHARACTERS_MAX)]

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        compile_expression(self.expression, self.inputs)
        for name in self.inputs:
            if name == "value" or name in FUNCTIONS:
                raise ValueError(f"inputs: {name!r} has a meaning of its own; choose another name")
        return self


def compile_expression(text: str, inputs: Mapping[str, object]) -> Evaluate:
    """Return what evaluates a text. Raises ValueError that names the part that is not taken."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"expression: cannot be read: {getattr(error, 'msg', error)}") from None
    if sum(1 for node in ast.walk(tree) if isinstance(node, ast.expr)) > PARTS_MAX:
        raise ValueError(f"expression: more than {PARTS_MAX} parts; make it simpler")
    return _compiled(tree.body, {"value", *inputs})


def evaluate(compiled: Evaluate, values: Values) -> float | None:
    """Return the result, None where there is none that is finite."""
    try:
        result = compiled(values)
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


def fault(text: str, inputs: Iterable[str]) -> str | None:
    """Return why a text that compiles could never say anything of its sensors, None where it may."""
    tree = ast.parse(text, mode="eval").body
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or isinstance(node, ast.Name):
            continue
        # Every part is evaluated at each reading, so one that has no value leaves the whole without one.
        if not _names(node) and _constant(node) is None:
            return f"expression: {ast.unparse(node)[:40]!r} has no finite value; correct it"
        divisor = node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) else None
        if divisor is not None and not _names(divisor) and _constant(divisor) == 0:
            return f"expression: {ast.unparse(node)[:40]!r} divides by 0 and never has a value; correct it"
    used = _names(tree)
    if not used:
        return f"expression: {text[:40]!r} is the same at all times; use value or an input in it"
    unused = [name for name in inputs if name not in used]
    return f"inputs: {unused[0]!r} is not in the expression; use it there or leave it out" if unused else None


def _constant(node: ast.expr) -> float | None:
    return evaluate(_compiled(node, set()), {})


def _names(node: ast.expr) -> set[str]:
    """Return the names whose values a part hangs on."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - set(FUNCTIONS)


def _compiled(node: ast.expr, names: set[str]) -> Evaluate:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = _number(node)
        return lambda values: number
    if isinstance(node, ast.Name) and node.id in names:
        name = node.id
        return lambda values: values[name]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _compiled(node.operand, names)
        return lambda values: -operand(values)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        operator, left, right = _OPERATORS[type(node.op)], _compiled(node.left, names), _compiled(node.right, names)
        return lambda values: operator(left(values), right(values))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _call(node, node.func.id, names)
    raise ValueError(
        f"expression: {ast.unparse(node)[:40]!r} is not taken; use numbers, {', '.join(sorted(names))}, + - * / and "
        f"{', '.join(FUNCTIONS)}"
    )


def _call(node: ast.Call, name: str, names: set[str]) -> Evaluate:
    if name not in FUNCTIONS:
        raise ValueError(f"expression: no function {name!r}; use {', '.join(FUNCTIONS)}")
    function, least, greatest = FUNCTIONS[name]
    if not least <= len(node.args) <= greatest:
        raise ValueError(f"expression: {name} takes {least} to {greatest} arguments")
    if name == "interpolate":
        _check_points(node.args[1:])
        at, points = _compiled(node.args[0], names), [_number(point) for point in node.args[1:]]
        return lambda values: float(interpolate(at(values), *points))
    arguments = [_compiled(argument, names) for argument in node.args]
    return lambda values: float(function(*(argument(values) for argument in arguments)))


def _check_points(nodes: list[ast.expr]) -> None:
    points = [_number(node) for node in nodes]
    if len(points) % 2 or any(a >= b for a, b in zip(points[::2], points[2::2], strict=False)):
        raise ValueError("expression: interpolate takes x, then points x1, y1, x2, y2, … with rising x")


def _number(node: ast.expr) -> float:
    is_negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    sign, inner = (-1.0, node.operand) if is_negative else (1.0, node)  # type: ignore[attr-defined]
    if isinstance(inner, ast.Constant) and type(inner.value) in (int, float):
        try:
            return sign * float(inner.value)  # type: ignore[arg-type]
        except OverflowError:
            raise ValueError(f"expression: {str(inner.value)[:20]}… is too large; write a smaller number") from None
    raise ValueError("expression: the points of interpolate are numbers")
