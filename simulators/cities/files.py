"""A simulated city as files: networks as GeoJSON, water for EPANET, sewers for SWMM, sensors as CSV."""

from pathlib import Path

from model.network_file import write_network_file
from model.sensor_file import write_sensor_file
from simulators.cities import SimulatedCity


def write_city_files(city: SimulatedCity, folder: Path) -> list[Path]:
    """Write all files of a city into a folder that is there, under the city's name; return their paths.

    `NAME.geojson` has the networks of all media, `NAME-water.inp` is for EPANET, `NAME-drainage.inp` for SWMM and
    `NAME-sensors.csv` for the registry. The same plan and seed give the same bytes, on any machine.
    """
    name = city.plan.name
    paths = [folder / f"{name}{ending}" for ending in (".geojson", "-water.inp", "-drainage.inp", "-sensors.csv")]
    write_network_file(paths[0], city.networks())
    paths[1].write_text(city.epanet(), "utf-8", newline="\n")
    paths[2].write_text(city.swmm(), "utf-8", newline="\n")
    write_sensor_file(paths[3], city.sensors(), {city.plan.city: city.city})
    return paths
