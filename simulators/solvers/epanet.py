"""Water networks solved by EPANET (OWA-EPANET 2.3): pressures, flows and tank levels under bursts and pump trips.

EPANET solves the steady flow of each step by the global gradient algorithm (Todini and Pilati 1988), with
Hazen-Williams friction as the file says, and lets tanks carry over from step to step: Rossman et al., EPANET 2.2 User
Manual, EPA/600/R-20/133 (2020), chapter 12. Needs the extra `sim`.
"""

import ctypes
import importlib
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simulators.physics import FloatArray

PASCALS_PER_METRE = 9_806.65  # of water at 4 Cel

_MENDED = 1e-6  # the emitter after a burst; EPANET lets the last flow of one that is set to 0 run on


class SolverError(RuntimeError):
    """The solver refused a network or could not go on; the text is the solver's own."""


class Burst(NamedTuple):
    """A burst at a junction: water flows out at `coefficient * sqrt(head)`, L/s and m, from start to end (s)."""

    node: str
    start_s: float
    end_s: float
    coefficient: float


class Outage(NamedTuple):
    """A link that is closed from start to end (s): a pump that has tripped, a valve that was shut."""

    link: str
    start_s: float
    end_s: float


class WaterRun(NamedTuple):
    """What EPANET found. `time_s` (t,); `pressure_mpa` (t, nodes), `flow_l_s` (t, links), `outflow_l_s` (t, nodes).

    `outflow_l_s` is what leaves at each node: demand and burst; negative where a source gives or a tank empties.
    `pressure_mpa` of a tank is that of its water level; it is below 0 where a place has run dry. `warnings` counts
    the steps that did not balance or had no pressure.
    """

    time_s: FloatArray
    nodes: list[str]
    links: list[str]
    pressure_mpa: FloatArray
    flow_l_s: FloatArray
    outflow_l_s: FloatArray
    warnings: int


def solve_water(
    inp: str,
    duration_s: int,
    step_s: int = 300,
    *,
    start_s: int = 0,
    bursts: Sequence[Burst] = (),
    outages: Sequence[Outage] = (),
    demand_factor: float = 1.0,
) -> WaterRun:
    """Return the state of the network of an input file (its text, in any units) at 0, step, … up to the duration.

    `start_s` is the time of day at which the run begins, for the demand patterns. A link that controls would open
    stays shut while its outage lasts, and is opened at its end. Bursts and outages take effect at the first time the
    network is solved at or after theirs, a step late at most; with bursts, all emitters of the file have the exponent
    0.5. Raises SolverError where EPANET refuses the file, or a node or link of an event is not in it.
    """
    if duration_s % step_s:
        raise ValueError(f"a duration of {duration_s} s is no multiple of the step of {step_s} s")
    toolkit: Any = importlib.import_module("epanet.toolkit")
    with tempfile.TemporaryDirectory(prefix="lifeline-epanet-") as folder:
        file, report = Path(folder, "network.inp"), Path(folder, "report.txt")
        file.write_text(inp, "utf-8")
        project = toolkit.createproject()
        try:
            toolkit.open(project, str(file), str(report), "")
            _prepare(toolkit, project, duration_s, step_s, start_s, demand_factor)
            events = _Events(toolkit, project, bursts, outages)
            with warnings.catch_warnings(record=True) as unbalanced:
                warnings.simplefilter("always")
                return _run(toolkit, project, duration_s, step_s, events, unbalanced)
        except Exception as error:
            if type(error) is not Exception:  # the toolkit's errors have no type of their own
                raise
            toolkit.close(project)  # writes the report
            raise SolverError("; ".join([str(error), *_complaints(report)])) from None
        finally:
            toolkit.deleteproject(project)


def _complaints(report: Path) -> list[str]:
    """The first errors of the solver's report, each with the line of the file on which it says they are."""
    lines = [line.strip() for line in report.read_text("utf-8", "replace").splitlines() if line.strip()]
    return [" ".join(lines[k : k + 2]) for k, line in enumerate(lines) if line.startswith("Error 2")][:5]


def _prepare(toolkit: Any, project: Any, duration_s: int, step_s: int, start_s: int, demand_factor: float) -> None:
    toolkit.setflowunits(project, toolkit.LPS)
    toolkit.setoption(project, toolkit.PRESS_UNITS, toolkit.METERS)
    toolkit.setoption(project, toolkit.DEMANDMULT, demand_factor * toolkit.getoption(project, toolkit.DEMANDMULT))
    for parameter, seconds in (
        (toolkit.DURATION, duration_s), (toolkit.HYDSTEP, step_s), (toolkit.REPORTSTEP, step_s),
        (toolkit.REPORTSTART, 0), (toolkit.PATTERNSTART, start_s),
    ):  # fmt: skip
        toolkit.settimeparam(project, parameter, seconds)


def _run(
    toolkit: Any, project: Any, duration_s: int, step_s: int, events: "_Events", unbalanced: list[Any]
) -> WaterRun:
    nodes = [toolkit.getnodeid(project, k + 1) for k in range(toolkit.getcount(project, toolkit.NODECOUNT))]
    links = [toolkit.getlinkid(project, k + 1) for k in range(toolkit.getcount(project, toolkit.LINKCOUNT))]
    size = duration_s // step_s + 1
    pressure, outflow, flow = np.zeros((size, len(nodes))), np.zeros((size, len(nodes))), np.zeros((size, len(links)))
    node_memory, node_values = _buffer(toolkit, len(nodes))
    link_memory, link_values = _buffer(toolkit, len(links))
    toolkit.openH(project)
    toolkit.initH(project, toolkit.NOSAVE)
    left = 1
    while left > 0:
        events.take_place(toolkit.gettimeparam(project, toolkit.HTIME))
        time = toolkit.runH(project)
        if time % step_s == 0:
            row = time // step_s
            toolkit.getnodevalues(project, toolkit.PRESSURE, node_memory.cast())
            pressure[row] = node_values
            toolkit.getnodevalues(project, toolkit.DEMAND, node_memory.cast())
            outflow[row] = node_values
            toolkit.getlinkvalues(project, toolkit.FLOW, link_memory.cast())
            flow[row] = link_values
        left = toolkit.nextH(project)
    toolkit.closeH(project)
    pressure *= PASCALS_PER_METRE / 1e6
    return WaterRun(np.arange(size, dtype=np.float64) * step_s, nodes, links, pressure, flow, outflow, len(unbalanced))


class _Events:
    """Bursts and outages, set in the project as their times come."""

    def __init__(self, toolkit: Any, project: Any, bursts: Sequence[Burst], outages: Sequence[Outage]) -> None:
        self.toolkit, self.project = toolkit, project
        self.bursts = [(_found(toolkit.getnodeindex, project, "node", burst.node), burst) for burst in bursts]
        self.outages = [(_found(toolkit.getlinkindex, project, "link", outage.link), outage) for outage in outages]
        self.own = {node: toolkit.getnodevalue(project, node, toolkit.EMITTER) for node, _ in self.bursts}
        self.acting: tuple[list[int], list[int]] = ([], [])
        controls = range(1, toolkit.getcount(project, toolkit.CONTROLCOUNT) + 1)
        self.controls = [(control, toolkit.getcontrol(project, control)[1]) for control in controls]
        if bursts:
            toolkit.setoption(project, toolkit.EMITEXPON, 0.5)

    def take_place(self, time_s: int) -> None:
        """Begin and end what is due at that time."""
        broken = [k for k, (_, burst) in enumerate(self.bursts) if burst.start_s <= time_s < burst.end_s]
        shut = [k for k, (_, outage) in enumerate(self.outages) if outage.start_s <= time_s < outage.end_s]
        if (broken, shut) == self.acting:
            return
        toolkit, project = self.toolkit, self.project
        for node, own in self.own.items():
            flowing = sum(self.bursts[k][1].coefficient for k in broken if self.bursts[k][0] == node)
            toolkit.setnodevalue(project, node, toolkit.EMITTER, max(own + flowing, _MENDED))
        closed = {self.outages[k][0] for k in shut}
        for link in closed ^ {self.outages[k][0] for k in self.acting[1]}:
            toolkit.setlinkvalue(project, link, toolkit.STATUS, float(link not in closed))
            for control, its_link in self.controls:
                if its_link == link:
                    toolkit.setcontrolenabled(project, control, int(link not in closed))
        self.acting = (broken, shut)


def _found(index_of: Callable[[Any, str], int], project: Any, thing: str, name: str) -> int:
    try:
        return index_of(project, name)
    except Exception:
        raise SolverError(f"there is no {thing} {name!r} in the file") from None


def _buffer(toolkit: Any, size: int) -> tuple[Any, FloatArray]:
    """Memory that the toolkit fills, and the same memory as an array; the first must be kept while both are used."""
    memory = toolkit.doubleArray(size)
    return memory, np.ctypeslib.as_array((ctypes.c_double * size).from_address(int(memory.cast())))
