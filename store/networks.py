"""Pipe networks in the database."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from model.network import Link, Network, Node
from model.network_content import NetworkFile, Placed
from model.provisioning import Plan
from store.pool import Connection, Pool

ROWS_PER_STATEMENT = 20_000


class UnknownPlace(Exception):
    """The city named is not registered; the text says what to do."""


async def load_network(connection: Connection, city: str, medium: str) -> Network:
    """Return the network of a medium in a city, empty where there is none."""
    nodes, links = await _stored(connection, city, medium)
    return Network(city, medium, nodes.values(), links.values())


async def networks_of(connection: Connection, city: str | None = None) -> list[tuple[str, str]]:
    """Return (city, medium) of the networks that there are, of one city or of all."""
    rows = await connection.fetch(
        "select distinct city, medium from network_node where $1::text is null or city = $1 order by 1, 2", city
    )
    return [(row["city"], row["medium"]) for row in rows]


async def plan_network(connection: Connection, city: str, file: NetworkFile) -> tuple[Plan, dict[str, Placed]]:
    """Return what an import would do, and the nodes and links to write by medium; writes nothing.

    Raises UnknownPlace where the city is not registered.
    """
    if not await connection.fetchval("select exists (select from city where city = $1)", city):
        raise UnknownPlace(f"city {city!r} is not registered; register it with lifeline cities import")
    plan, writing = Plan(notes=list(file.notes)), {}
    for medium, part in sorted(file.media.items()):
        nodes, links = await _stored(connection, city, medium)
        chosen = Placed({}, {})
        for name, node in part.nodes.items():
            stored = nodes.get(name)
            implied = stored is not None and (medium, name) in file.implied
            if plan.add(f"{medium} node", name, stored, stored if stored is not None and implied else node):
                chosen.nodes[name] = node
        for name, link in part.links.items():
            if plan.add(f"{medium} link", name, links.get(name), link):
                chosen.links[name] = link
        plan.left_alone += len(nodes.keys() - part.nodes.keys()) + len(links.keys() - part.links.keys())
        writing[medium] = chosen
        plan.notes += await _attached(connection, Network(city, medium, [*nodes.values(), *part.nodes.values()],
                                                          [*links.values(), *part.links.values()]))  # fmt: skip
    return plan, writing


async def write_network(connection: Connection, city: str, writing: Mapping[str, Placed]) -> None:
    """Write nodes and links as planned."""
    for medium, part in writing.items():
        for nodes in _portions(list(part.nodes.values())):
            await connection.execute(
                "insert into network_node select $1, $2, * from unnest($3::text[], $4::jsonb[])"
                " on conflict (city, medium, node) do update set definition = excluded.definition",
                city,
                medium,
                [node.node for node in nodes],
                [msgspec.json.encode(node).decode() for node in nodes],
            )
        for links in _portions(list(part.links.values())):
            await connection.execute(
                "insert into network_link select $1, $2, * from unnest($3::text[], $4::text[], $5::text[], $6::jsonb[])"
                " on conflict (city, medium, link) do update set from_node = excluded.from_node,"
                " to_node = excluded.to_node, definition = excluded.definition",
                city,
                medium,
                [link.link for link in links],
                [link.from_node for link in links],
                [link.to_node for link in links],
                [msgspec.json.encode(link).decode() for link in links],
            )
    # Until the database has looked at a large import by itself, it would plan queries by place as for empty tables.
    await connection.execute("analyze network_node, network_link")


async def import_networks(pool: Pool, city: str, networks: Iterable[Network]) -> None:
    """Register what is new or changed of a city's networks, all or none. Raises UnknownPlace as `plan_network` does."""
    media = {one.medium: Placed(dict(one.nodes), dict(one.links)) for one in networks}
    async with pool.acquire() as connection, connection.transaction():
        await lock_networks(connection)
        _, writing = await plan_network(connection, city, NetworkFile(media, [], [], {}, set()))
        if any(part.nodes or part.links for part in writing.values()):
            await write_network(connection, city, writing)


async def lock_networks(connection: Connection) -> None:
    """Let no other import change networks until the transaction ends."""
    await connection.execute("lock table network_node, network_link in share row exclusive mode")


async def _stored(connection: Connection, city: str, medium: str) -> tuple[dict[str, Node], dict[str, Link]]:
    nodes = await connection.fetch(
        "select definition from network_node where city = $1 and medium = $2 order by node", city, medium
    )
    links = await connection.fetch(
        "select definition from network_link where city = $1 and medium = $2 order by link", city, medium
    )
    decoded_nodes = (msgspec.json.decode(row["definition"], type=Node) for row in nodes)
    decoded_links = (msgspec.json.decode(row["definition"], type=Link) for row in links)
    return {node.node: node for node in decoded_nodes}, {link.link: link for link in decoded_links}


async def _attached(connection: Connection, network: Network) -> list[str]:
    """Say how many of the system's sensors stand on the network by their `asset`, and how many name nothing on it."""
    rows = await connection.fetch(
        "select sensor, definition ->> 'asset' as asset from sensor"
        " where city = $1 and system = $2 and definition ->> 'asset' is not null order by sensor",
        network.city,
        network.medium,
    )
    loose = [row["sensor"] for row in rows if network.place_of(row["asset"]) is None]
    notes = [f"{len(rows) - len(loose)} {network.medium} sensors stand on its nodes and links"]
    if loose:
        notes.append(f"{len(loose)} {network.medium} sensors name an asset that is not in it ({loose[0]}, …)")
    return notes


def _portions(rows: Sequence[Node] | Sequence[Link]) -> list[list]:  # type: ignore[type-arg]
    return [list(rows[start : start + ROWS_PER_STATEMENT]) for start in range(0, len(rows), ROWS_PER_STATEMENT)]
