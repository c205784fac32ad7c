"""What a run changes in the text of a SWMM input file: its options, its rain, and sewers that are blocked."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

Rain = Mapping[str, Sequence[tuple[float, float, float]]]
_START = datetime(2026, 7, 1)  # any day; patterns of a week are not used
_FILL_MAX = 0.95  # of a bore; a sewer that lets nothing through would have no cross-section
_BLOCK_S = 300  # of rain


def prepared(
    text: str, duration_s: int, rain: Rain, start_s: int, report_s: int, blocked: Mapping[str, float], **options: object
) -> str:
    """Return the text of an input file made ready for a run; `options` are further lines of its [OPTIONS].

    Raises ValueError for a gauge or a round sewer that is not in the file.
    """
    sections = _sections(text)
    begin = _START + timedelta(seconds=start_s)
    end = begin + timedelta(seconds=duration_s)
    clock = {"START": begin, "REPORT_START": begin, "END": end}
    options |= {f"{name}_DATE": f"{moment:%m/%d/%Y}" for name, moment in clock.items()}
    options |= {f"{name}_TIME": f"{moment:%H:%M:%S}" for name, moment in clock.items()}
    options["REPORT_STEP"] = str(timedelta(seconds=report_s))
    own = [row for row in sections.get("OPTIONS", []) if row.split()[:1] and row.split()[0].upper() not in options]
    sections["OPTIONS"] = [*own, *(f"{name} {value}" for name, value in options.items())]
    sections["RAINGAGES"], series = _rain(sections, rain, begin)
    sections["TIMESERIES"] = [*sections.get("TIMESERIES", []), *series]
    if blocked:
        sections["XSECTIONS"] = _narrowed(sections.get("XSECTIONS", []), blocked)
    sections["REPORT"] = ["INPUT NO", "CONTINUITY NO", "FLOWSTATS NO", "NODES ALL", "LINKS ALL"]
    return "".join(f"[{name}]\n" + "\n".join(rows) + "\n\n" for name, rows in sections.items())


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    rows: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            rows = sections.setdefault(line.strip().strip("[]").upper(), [])
        elif line.split(";", 1)[0].strip():
            rows.append(line)
    return sections


def _rain(sections: dict[str, list[str]], rain: Rain, begin: datetime) -> tuple[list[str], list[str]]:
    """Gauges and time series: every gauge has a series of its own, of the mean rain of each five minutes."""
    gauges = [row.split()[0] for row in sections.get("RAINGAGES", [])]
    unknown = sorted(rain.keys() - set(gauges))
    if unknown:
        raise ValueError(f"there is no rain gauge {unknown[0]!r} in the file; it has {', '.join(gauges[:20])}")
    series = []
    for number, gauge in enumerate(gauges):
        blocks = rain.get(gauge, ())
        last = max((end for _, end, _ in blocks), default=0.0)
        for step in range(math.ceil(last / _BLOCK_S) + 1):
            moment = begin + timedelta(seconds=step * _BLOCK_S)
            mean = _mean(blocks, step * _BLOCK_S, (step + 1) * _BLOCK_S)
            series.append(f"rain-{number} {moment:%m/%d/%Y %H:%M} {mean:.4f}")
    return [f"{gauge} INTENSITY 0:05 1.0 TIMESERIES rain-{number}" for number, gauge in enumerate(gauges)], series


def _mean(blocks: Sequence[tuple[float, float, float]], begin: float, end: float) -> float:
    return sum(mm_h * max(0.0, min(end, until) - max(begin, since)) for since, until, mm_h in blocks) / (end - begin)


def _narrowed(rows: list[str], blocked: Mapping[str, float]) -> list[str]:
    """Cross-sections with the blocked sewers filled up to their share, as sediment fills them."""
    round_ones = {row.split()[0] for row in rows if row.split()[1].upper() == "CIRCULAR"}
    unknown = sorted(blocked.keys() - round_ones)
    if unknown:
        raise ValueError(f"there is no round sewer {unknown[0]!r} in the file")
    changed = []
    for row in rows:
        cells = row.split()
        if cells[0] in blocked:
            bore = float(cells[2])
            cells[1], cells[3] = "FILLED_CIRCULAR", f"{min(_FILL_MAX, max(0.0, blocked[cells[0]])) * bore:.4f}"
        changed.append(" ".join(cells))
    return changed
