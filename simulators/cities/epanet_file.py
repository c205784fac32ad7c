"""A water network as an EPANET 2.2 input file: nodes in degrees, flows in L/s, heads in metres."""

from collections.abc import Iterable

from simulators.cities.water import TANK_DEPTH_M, WaterNetwork

# Hourly demand over its mean: a town that lives by a clock ahead of its sun; shops and offices; works in two shifts.
PATTERNS = {
    "household": (0.45, 0.36, 0.33, 0.33, 0.38, 0.55, 0.88, 1.25, 1.35, 1.22, 1.15, 1.18,
                  1.26, 1.2, 1.02, 0.95, 0.98, 1.1, 1.35, 1.55, 1.52, 1.38, 1.0, 0.66),
    "business": (0.3, 0.3, 0.3, 0.3, 0.3, 0.35, 0.5, 0.8, 1.3, 1.7, 1.8, 1.8,
                 1.6, 1.5, 1.65, 1.7, 1.65, 1.5, 1.25, 1.1, 0.9, 0.65, 0.45, 0.3),
    "works": (0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.8, 1.0, 1.25, 1.3, 1.3, 1.25,
              1.15, 1.2, 1.3, 1.3, 1.25, 1.2, 1.1, 1.0, 0.95, 0.9, 0.8, 0.75),
}  # fmt: skip
_ROUGHNESS = {"grey cast iron": 95, "ductile iron": 125, "pe": 140}  # Hazen-Williams C


def epanet_text(network: WaterNetwork, title: str) -> str:
    """Return the network as the text of an input file; runs for a day at steps of 5 minutes."""
    pipes = network.pipes
    longitude, latitude = (part.tolist() for part in pipes.frame.degrees(pipes.east, pipes.north))
    nodes, links = pipes.node_names, pipes.link_names
    level, demand = pipes.level_m.tolist(), network.demand_l_s.tolist()
    ends = list(zip(pipes.from_node.tolist(), pipes.to_node.tolist(), strict=True))
    length, diameter = pipes.length_m.tolist(), pipes.diameter_mm.tolist()
    of_kind = {kind: [k for k, own in enumerate(pipes.node_kinds) if own == kind] for kind in ("junction", "reservoir")}
    sections: dict[str, Iterable[str]] = {
        "TITLE": [title],
        "JUNCTIONS": [f"{nodes[k]} {level[k]:.2f} {demand[k]:.3f} {network.pattern[k]}" for k in of_kind["junction"]],
        "RESERVOIRS": [f"{nodes[k]} {level[k]:.2f}" for k in of_kind["reservoir"]],
        "TANKS": [
            f"{nodes[network.tank]} {level[network.tank]:.2f} {0.6 * TANK_DEPTH_M:.2f} 0.3 {TANK_DEPTH_M:.2f} "
            f"{network.tank_diameter_m:.2f} 0"
        ],
        "PIPES": [
            f"{links[k]} {nodes[ends[k][0]]} {nodes[ends[k][1]]} {max(1.0, length[k]):.2f} {diameter[k]} "
            f"{_ROUGHNESS[pipes.material[k]]} 0 Open"
            for k, kind in enumerate(pipes.link_kinds)
            if kind == "pipe"
        ],
        "PUMPS": [
            f"{links[pump.link]} {nodes[ends[pump.link][0]]} {nodes[ends[pump.link][1]]} HEAD curve-{k}"
            for k, pump in enumerate(network.pumps, 1)
        ],
        "VALVES": [
            f"{links[valve.link]} {nodes[ends[valve.link][0]]} {nodes[ends[valve.link][1]]} {diameter[valve.link]} "
            f"PRV {valve.setting_m:.1f} 0"
            for valve in network.reducers
        ],
        "CURVES": [f"curve-{k} {pump.flow_l_s:.2f} {pump.head_m:.2f}" for k, pump in enumerate(network.pumps, 1)],
        "PATTERNS": [
            f"{name} {' '.join(f'{factor:g}' for factor in factors[begin : begin + 6])}"
            for name, factors in PATTERNS.items()
            for begin in range(0, 24, 6)
        ],
        # The wells help while the tank is low; the works run on.
        "CONTROLS": [
            f"LINK {links[network.pumps[1].link]} {state} IF NODE {nodes[network.tank]} {side} {limit:g}"
            for state, side, limit in (("OPEN", "BELOW", 3.0), ("CLOSED", "ABOVE", 6.5))
        ],
        "TIMES": ["Duration 24:00", "Hydraulic Timestep 0:05", "Pattern Timestep 1:00", "Report Timestep 0:05"],
        "OPTIONS": [
            "Units LPS", "Headloss H-W", "Accuracy 0.001", "Trials 60", "Unbalanced Continue 10", "Pattern household",
            # Who has less than 15 m gets less, who has none gets nothing (Wagner et al. 1988).
            "Demand Model PDA", "Minimum Pressure 0", "Required Pressure 15", "Pressure Exponent 0.5",
        ],
        "REPORT": ["Status No", "Summary No"],
        "COORDINATES": [f"{name} {longitude[k]:.6f} {latitude[k]:.6f}" for k, name in enumerate(nodes)],
    }  # fmt: skip
    return (
        "".join(f"[{name}]\n" + "".join(f"{row}\n" for row in rows) + "\n" for name, rows in sections.items())
        + "[END]\n"
    )
