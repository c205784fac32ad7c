"""Sewers solved by EPA SWMM 5.2 (swmm-toolkit): levels in manholes and flows in sewers under a storm.

Runoff from each piece of land is a non-linear reservoir, with Horton's infiltration as the file says; flow in the
sewers follows the kinematic or the dynamic wave: Rossman and Huber, SWMM Reference Manual, volumes I and II,
EPA/600/R-15/162A and EPA/600/R-17/111. Needs the extra `sim`. SWMM keeps one project a process: runs must not overlap.
"""

import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.physics import FloatArray
from simulators.solvers.epanet import SolverError
from simulators.solvers.swmm_input import Rain, prepared

Float32Array = NDArray[np.float32]
STRIDE_S = 300  # between which other threads have their turn
_DEPTH, _FLOODING, _FLOW = 0, 5, 0  # places of the results of a node and of a link in the output file


class DrainageRun(NamedTuple):
    """What SWMM found. `time_s` (t,); `level_m` and `flooding_l_s` (t, nodes), `flow_l_s` (t, links), single precision.

    `level_m` is the depth of water above a node's invert, beyond its depth where water stands on the street;
    `flooding_l_s` what comes out at the cover. `runoff_error`
    and `flow_error` are the shares of water lost or won in the reckoning of the land and of the sewers.
    """

    time_s: FloatArray
    nodes: list[str]
    links: list[str]
    level_m: Float32Array
    flooding_l_s: Float32Array
    flow_l_s: Float32Array
    runoff_error: float
    flow_error: float


def solve_drainage(
    inp: str,
    duration_s: int,
    *,
    rain: Rain,
    start_s: int = 0,
    report_s: int = 300,
    blocked: Mapping[str, float] | None = None,
    **options: object,
) -> DrainageRun:
    """Return levels and flows in the sewers of an input file (its text; metric, flows in L/s) every `report_s`.

    `rain` has for gauges of the file blocks of (start s, end s, mm/h), averaged over five minutes; gauges left out stay
    dry. `start_s` is the time of day at which the run begins, in whole minutes. `blocked` has for round sewers the
    share of the bore that is filled, from the beginning on. `options` go before the file's own, as ROUTING_STEP=5.
    Raises SolverError where SWMM refuses the file; ValueError for a gauge or round sewer that is not in it.
    """
    solver: Any = importlib.import_module("swmm.toolkit.solver")
    text = prepared(inp, duration_s, rain, start_s, report_s, blocked or {}, **options)
    with tempfile.TemporaryDirectory(prefix="lifeline-swmm-") as folder:
        file, report, output = (Path(folder, name) for name in ("sewers.inp", "report.txt", "output.bin"))
        file.write_text(text, "utf-8")
        try:
            solver.swmm_open(str(file), str(report), str(output))
            solver.swmm_start(1)
            while solver.swmm_stride(STRIDE_S) > 0:
                pass
            solver.swmm_end()
            runoff_error, flow_error, _ = solver.swmm_get_mass_balance()
        except Exception as error:
            if type(error) is not Exception:  # the toolkit's errors have no type of their own
                raise
            solver.swmm_close()
            raise SolverError("; ".join([" ".join(str(error).split()), *_complaints(report)])) from None
        solver.swmm_close()
        return _results(output, report_s, float(runoff_error) / 100.0, float(flow_error) / 100.0)


def _complaints(report: Path) -> list[str]:
    """The first errors of the solver's report."""
    lines = [line.strip() for line in report.read_text("utf-8", "replace").splitlines()]
    return [line for line in lines if line.startswith("ERROR")][:5]


def _results(output: Path, report_s: int, runoff_error: float, flow_error: float) -> DrainageRun:
    """Read the output file, laid out as SWMM's own guide has it (5.2 Interface Guide, appendix): 4-byte numbers.

    Read here and not by the toolkit, which makes a list of Python numbers for every time step.
    """
    data = output.read_bytes()
    names_at, _, results_at, periods, error, _ = np.frombuffer(data, "<i4", 6, len(data) - 24).tolist()
    if error:
        raise SolverError(f"the solver ended with error {error}")
    _, _, _, lands, nodes, links, pollutants = np.frombuffer(data, "<i4", 7).tolist()
    names = _names(data, names_at, lands + nodes + links)
    per_land, per_node, per_link, whole = 8 + pollutants, 6 + pollutants, 5 + pollutants, 15
    values = lands * per_land + nodes * per_node + links * per_link + whole
    step = np.dtype([("date", "<f8"), ("values", "<f4", (values,))])
    table = np.frombuffer(data, step, periods, results_at)["values"]
    after_lands = lands * per_land
    after_nodes = after_lands + nodes * per_node
    of_nodes = table[:, after_lands:after_nodes].reshape(periods, nodes, per_node)
    of_links = table[:, after_nodes : after_nodes + links * per_link].reshape(periods, links, per_link)
    return DrainageRun(
        (np.arange(periods) + 1.0) * report_s, names[lands : lands + nodes], names[lands + nodes :],
        of_nodes[:, :, _DEPTH].copy(), of_nodes[:, :, _FLOODING].copy(), of_links[:, :, _FLOW].copy(),
        runoff_error, flow_error,
    )  # fmt: skip


def _names(data: bytes, begin: int, count: int) -> list[str]:
    names = []
    for _ in range(count):
        length = int.from_bytes(data[begin : begin + 4], "little")
        names.append(data[begin + 4 : begin + 4 + length].decode())
        begin += 4 + length
    return names
