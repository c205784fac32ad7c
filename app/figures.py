"""The counters of ingest and evaluator as Prometheus text."""

from collections import Counter
from dataclasses import fields
from typing import Any


def prometheus_text(part: str, counters: Any) -> str:
    """Return one metric for each field of a dataclass of numbers, `lifeline_{part}_{field}`.

    A Counter becomes one line a word, with the label `reason`.
    """
    lines = []
    for field in fields(counters):
        name = f"lifeline_{part}_{field.name}"
        value = getattr(counters, field.name)
        if isinstance(value, Counter):
            lines.append(f"# TYPE {name}_total counter")
            lines += [f'{name}_total{{reason="{reason}"}} {count}' for reason, count in sorted(value.items())]
        else:
            lines.append(f"# TYPE {name} gauge\n{name} {float(value):.15g}")
    return "\n".join(lines) + "\n"
