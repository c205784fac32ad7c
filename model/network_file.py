"""Network files: GeoJSON lines, EPANET and SWMM input files, read with every error by line; written as GeoJSON."""

from collections.abc import Iterable
from pathlib import Path

from model.geojson import written_collection, written_feature
from model.inp_file import parse_inp
from model.network import Network
from model.network_content import NetworkFile
from model.network_geojson import parse_geojson
from model.sensor_file import SensorFileError, read_text


def parse_network_file(path: Path, *, medium: str | None = None, crs: str = "WGS-84") -> NetworkFile:
    """Return all that is good in the file together with all errors. Raises SensorFileError where it cannot be read.

    `medium` is for what the file leaves out. `crs` is a note that is kept: coordinates are never converted.
    """
    text = read_text(path)
    if text.lstrip()[:1] == "{":
        found = parse_geojson(text, medium, crs)
    elif text.lstrip()[:1] in ("[", ";"):
        found = parse_inp(text, medium, crs)
    else:
        problem = "neither GeoJSON nor an EPANET or SWMM input file; the former begins with {, the latter with [TITLE]"
        raise SensorFileError(path, [(1, problem)])
    if not found.problems and not any(part.links for part in found.media.values()):
        found.problems.append((0, "there is no link in it"))
    found.problems.sort()
    return found


def write_network_file(path: Path, networks: Iterable[Network]) -> int:
    """Write networks as one GeoJSON file of points and lines, in order of id; return the number of features."""
    features = []
    for network in networks:
        common = {"city": network.city, "medium": network.medium}
        for _, node in sorted(network.nodes.items()):
            point = None if node.position is None else {"type": "Point", "coordinates": list(node.position)}
            own = {"node": node.node, "kind": node.kind, "elevation_m": node.elevation_m, "crs": _other(node.crs)}
            features.append(written_feature(point, {**common, **own}))
        for _, link in sorted(network.links.items()):
            ends = [network.nodes[name].position for name in (link.from_node, link.to_node)]
            line = list(link.line) or ends
            drawn = None if None in line else {"type": "LineString", "coordinates": [list(p) for p in line if p]}
            own = {
                "id": link.link, "from": link.from_node, "to": link.to_node, "kind": link.kind,
                "length_m": link.length_m, "diameter_mm": link.diameter_mm, "material": link.material,
                "year_built": link.year_built, "crs": _other(link.crs),
            }  # fmt: skip
            features.append(written_feature(drawn, {**common, **own}))
    path.write_text(written_collection(features), "utf-8")
    return len(features)


def _other(crs: str) -> str:
    return "" if crs == "WGS-84" else crs
