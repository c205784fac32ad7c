"""EPANET and SWMM input files (`.inp`): their sections read as plain text; the network only, not the hydraulics."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from model.network import Link, Node, Position
from model.network_content import NetworkFile, identifier, not_negative, position
from model.plain_text import InvalidText
from model.sensor import InvalidSensor
from model.sensor_file import number

FOOT_M = 0.3048
INCH_MM = 25.4


class _Dialect(NamedTuple):
    """What differs between the two programs: sections by kind, and the option that tells the units."""

    name: str
    medium: str
    nodes: dict[str, str]
    links: dict[str, str]
    main: str  # the section of links without which there is no network
    units_option: str
    metric: frozenset[str]
    default_units: str


_EPANET = _Dialect(
    "EPANET",
    "water",
    {"JUNCTIONS": "junction", "RESERVOIRS": "reservoir", "TANKS": "tank"},
    {"PIPES": "pipe", "PUMPS": "pump", "VALVES": "valve"},
    "PIPES",
    "UNITS",
    frozenset({"LPS", "LPM", "MLD", "CMH", "CMD", "CMS", "SI"}),
    "GPM",
)
_SWMM = _Dialect(
    "SWMM",
    "drainage",
    {"JUNCTIONS": "junction", "OUTFALLS": "outfall", "STORAGE": "storage", "DIVIDERS": "divider"},
    {"CONDUITS": "conduit", "PUMPS": "pump", "ORIFICES": "orifice", "WEIRS": "weir", "OUTLETS": "outlet"},
    "CONDUITS",
    "FLOW_UNITS",
    frozenset({"CMS", "LPS", "MLD"}),
    "CFS",
)
_ONLY_SWMM = {"CONDUITS", "OUTFALLS", "XSECTIONS", "SUBCATCHMENTS", "RAINGAGES", "STORAGE", "DIVIDERS"}


class _Row(NamedTuple):
    line: int
    cells: list[str]


def parse_inp(text: str, medium: str | None, crs: str) -> NetworkFile:
    """Return the network of an input file together with all errors."""
    sections, problems = _sections(text)
    dialect = _SWMM if _ONLY_SWMM & sections.keys() else _EPANET
    found = NetworkFile({}, problems, [], {}, set())
    missing = [name for name in (dialect.main, "COORDINATES") if name not in sections]
    if not dialect.nodes.keys() & sections.keys():
        missing.insert(0, "JUNCTIONS")
    if missing:
        problem = f"section [{missing[0]}] is missing; a network of {dialect.name} needs it"
        problems.append((0, problem))
        return found
    reader = _Reader(dialect, medium or dialect.medium, crs, sections, found)
    reader.read_nodes()
    reader.read_links()
    return found


def _sections(text: str) -> tuple[dict[str, list[_Row]], list[tuple[int, str]]]:
    sections: dict[str, list[_Row]] = {}
    problems: list[tuple[int, str]] = []
    rows: list[_Row] | None = None
    for number_, line in enumerate(text.splitlines(), 1):
        content = line.split(";", 1)[0].strip()
        if content.startswith("["):
            name = content[1:].split("]", 1)[0].strip().upper()
            if name == "END":
                break
            rows = sections.setdefault(name, [])
        elif content and rows is not None:
            rows.append(_Row(number_, content.split()))
        elif content:
            problems.append((number_, "a line before the first section; begin with [TITLE]"))
    return sections, problems


class _Reader:
    """One file being read: rows of its sections to nodes and links, errors by line."""

    def __init__(
        self, dialect: _Dialect, medium: str, crs: str, sections: dict[str, list[_Row]], found: NetworkFile
    ) -> None:
        self.dialect = dialect
        self.medium = medium
        self.crs = crs
        self.sections = sections
        self.found = found
        self.part = found.part(medium)
        options = {row.cells[0].upper(): row.cells[1].upper() for row in sections.get("OPTIONS", []) if row.cells[1:]}
        units = options.get(dialect.units_option, dialect.default_units)
        metric = units in dialect.metric
        self.metre = 1.0 if metric else FOOT_M
        # A pipe's diameter is in millimetres or inches, a cross-section's height in metres or feet.
        self.millimetre = (1.0 if metric else INCH_MM) if dialect is _EPANET else 1_000 * self.metre
        if dialect.units_option not in options:
            found.notes.append(
                f"no {dialect.units_option} in [OPTIONS]: {units} is taken, so feet, as {dialect.name} does"
            )

    def read_nodes(self) -> None:
        """Read nodes with their positions."""
        lines: dict[str, int] = {}
        kinds: dict[str, tuple[str, float | None]] = {}
        for section, kind in self.dialect.nodes.items():
            for row in self.rows(section):
                name = self.new_name(row, lines, "node")
                if name is not None:
                    kinds[name] = (kind, self.value(row, 1, "elevation", lambda f, t: number(f, t) * self.metre))
        positions: dict[str, Position] = {}
        for row in self.rows("COORDINATES"):
            pair = self.pair(row, kinds, "node")
            if pair is not None:
                positions[row.cells[0]] = pair
        for name, (kind, elevation) in kinds.items():
            self.part.nodes[name] = Node(
                node=name, kind=kind, position=positions.get(name), elevation_m=elevation, crs=self.crs
            )
        unplaced = len(kinds) - len(positions)
        if unplaced:
            self.found.notes.append(f"{unplaced} nodes have no coordinates")

    def read_links(self) -> None:
        """Read links with their diameters and vertices."""
        lines: dict[str, int] = {}
        links: dict[str, Link] = {}
        for section, kind in self.dialect.links.items():
            for row in self.rows(section):
                name = self.new_name(row, lines, "link")
                ends = row.cells[1:3]
                if name is None or not self.ends_known(row, ends):
                    continue
                has_length = section in ("PIPES", "CONDUITS")
                column = 4 if section == "PIPES" else 3 if section == "VALVES" else 0
                links[name] = Link(
                    link=name,
                    from_node=ends[0],
                    to_node=ends[1],
                    kind=kind,
                    length_m=self.value(row, 3, "length", self.length) if has_length else None,
                    diameter_mm=self.value(row, column, "diameter", self.diameter) if column else None,
                    crs=self.crs,
                )
        heights = self.cross_sections(lines)
        vertices: dict[str, list[Position]] = {}
        for row in self.rows("VERTICES"):
            pair = self.pair(row, lines, "link")
            if pair is not None:
                vertices.setdefault(row.cells[0], []).append(pair)
        for name, link in links.items():
            start, end = (self.part.nodes[node].position for node in (link.from_node, link.to_node))
            bends = vertices.get(name)
            line = (start, *bends, end) if bends and start and end else ()
            diameter = heights.get(name, link.diameter_mm)
            self.part.links[name] = Link(
                **{
                    field: getattr(link, field)
                    for field in link.__struct_fields__
                    if field not in ("line", "diameter_mm")
                },
                line=line,
                diameter_mm=diameter,
            )
            self.found.lines[self.medium, name] = lines[name]

    def cross_sections(self, links: dict[str, int]) -> dict[str, float]:
        """Return the diameters of round conduits."""
        found: dict[str, float] = {}
        for row in self.rows("XSECTIONS"):
            if row.cells[0] not in links:
                self.problem(row, f"link {row.cells[0]!r} is in none of the sections of links")
            elif len(row.cells) > 2 and row.cells[1].upper().endswith("CIRCULAR"):
                diameter = self.value(row, 2, "diameter", self.diameter)
                if diameter is not None:
                    found[row.cells[0]] = diameter
        return found

    def rows(self, section: str) -> Iterable[_Row]:
        """The rows of a section, none where the file lacks it."""
        return self.sections.get(section, ())

    def new_name(self, row: _Row, lines: dict[str, int], thing: str) -> str | None:
        """Return the id in a row's first cell, None (and a problem) where it cannot stand or stands already."""
        try:
            name = identifier(thing, row.cells[0])
        except InvalidText as error:
            self.problem(row, str(error))
            return None
        if name in lines:
            self.problem(row, f"{thing} {name!r} stands in line {lines[name]} already")
            return None
        lines[name] = row.line
        return name

    def ends_known(self, row: _Row, ends: list[str]) -> bool:
        """Whether both ends are nodes of the file; if not, that is a problem."""
        if len(ends) < 2:
            self.problem(row, f"link {row.cells[0]!r} needs its two nodes")
            return False
        unknown = [end for end in ends if end not in self.part.nodes]
        if unknown:
            sections = ", ".join(self.dialect.nodes)
            self.problem(row, f"link {row.cells[0]!r}: node {unknown[0]!r} is in none of {sections}")
        elif ends[0] == ends[1]:
            self.problem(row, f"link {row.cells[0]!r} ends at the node from which it comes")
            return False
        return not unknown

    def pair(self, row: _Row, known: Iterable[str], thing: str) -> Position | None:
        """Return the position in a row of an id and two coordinates, None (and a problem) where there is none."""
        if row.cells[0] not in known:
            self.problem(row, f"{thing} {row.cells[0]!r} is in none of the sections of {thing}s")
            return None
        if len(row.cells) < 3:
            self.problem(row, f"{thing} {row.cells[0]!r} needs two coordinates")
            return None
        try:
            return position("coordinates", row.cells[1:3], self.crs)
        except InvalidSensor as error:
            self.problem(row, str(error))
            return None

    def value(self, row: _Row, column: int, field: str, convert: Callable[[str, str], float]) -> float | None:
        """Return a number of a row in our units, None where it is left out or (a problem) cannot stand."""
        if len(row.cells) <= column:
            return None
        try:
            return round(convert(field, row.cells[column]), 6)
        except InvalidSensor as error:
            self.problem(row, str(error))
            return None

    def length(self, field: str, text: str) -> float:
        """A length in metres."""
        return not_negative(field, text) * self.metre

    def diameter(self, field: str, text: str) -> float:
        """A diameter in millimetres."""
        return not_negative(field, text) * self.millimetre

    def problem(self, row: _Row, text: str) -> None:
        """Note an error of a row."""
        self.found.problems.append((row.line, text))
