"""What Sparkplug edge nodes said at their birth, which metric is which sensor, and where their sequence stands."""

from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass, field

import msgspec

from ingest.decoders.sparkplug_payload import Payload

EDGE_NODES_MAX = 10_000
BIRTH_BYTES_MAX = 8 * 1024 * 1024  # of births that are remembered; they take up to twelve times that in memory
SEQUENCE_MODULUS = 256
_BOOLEAN = 11
REBIRTH_MS_MIN = 60_000  # between two requests to one node
REBIRTHS_MAX = 50  # requests in one go
REBIRTHS_MS_MIN = 1_000  # from one go to the next: after a restart thousands of nodes do not answer at once


class Definition(msgspec.Struct, frozen=True, gc=False):
    """A metric as its birth defined it; `sensor` is empty where it is no reading of ours."""

    sensor: str
    datatype: int
    unit: str | None


@dataclass(slots=True)
class Device:
    """The metrics of a device, or of the node itself, by name and by alias."""

    by_name: dict[bytes, Definition] = field(default_factory=dict)
    by_alias: dict[int, Definition] = field(default_factory=dict)
    birth_bytes: int = 0


@dataclass(slots=True)
class EdgeNode:
    """One edge node: its devices (its own metrics under the empty name), and the number of its last message.

    `birth` is the number that its NDEATH will bear. `is_doubtful` says that messages were missed since the birth, a
    new birth perhaps among them, so that an alias may mean another metric by now.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    sequence: int | None = None
    birth: int | None = None
    is_doubtful: bool = False

    def follow(self, sequence: int, *, is_repeated: bool) -> int:
        """Take note of a message's number; return how many are missing before it."""
        before = self.sequence
        expected = sequence if before is None else (before + 1) % SEQUENCE_MODULUS
        if sequence == expected:
            self.sequence = sequence
            return 0
        if is_repeated or sequence == before:  # it has been counted at its first delivery
            return 0
        self.sequence = sequence
        self.is_doubtful = True
        return (sequence - expected) % SEQUENCE_MODULUS


class EdgeNodes:
    """All edge nodes heard of, within limits: above them those unheard for longest are forgotten, and asked again."""

    def __init__(self, nodes_max: int = EDGE_NODES_MAX, birth_bytes_max: int = BIRTH_BYTES_MAX) -> None:
        self._nodes: OrderedDict[tuple[str, str], EdgeNode] = OrderedDict()
        self._nodes_max = nodes_max
        self._birth_bytes_max = birth_bytes_max
        self._birth_bytes = 0
        self._wanted: dict[tuple[str, str], None] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._took: int | None = None

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, city: str, node: str) -> EdgeNode | None:
        """Return the node where its birth is known."""
        found = self._nodes.get((city, node))
        if found is not None:
            self._nodes.move_to_end((city, node))
        return found

    def born(self, city: str, node: str, edge_node: EdgeNode) -> None:
        """Put a new-born node in the place of what it was before."""
        self.forget(city, node)
        self._nodes[city, node] = edge_node
        self._birth_bytes += _birth_bytes(edge_node)
        self._trim()

    def set_device(self, edge_node: EdgeNode, name: str, device: Device | None) -> None:
        """Put a new-born device in the place of what it was before, or take a dead one away (None)."""
        before = edge_node.devices.pop(name, None)
        self._birth_bytes -= 0 if before is None else before.birth_bytes
        if device is not None:
            edge_node.devices[name] = device
            self._birth_bytes += device.birth_bytes
            self._trim()

    def forget(self, city: str, node: str) -> None:
        """Forget a node that died."""
        self._wanted.pop((city, node), None)
        gone = self._nodes.pop((city, node), None)
        if gone is not None:
            self._birth_bytes -= _birth_bytes(gone)

    def want_rebirth(self, city: str, node: str) -> None:
        """Note that the node's birth is missing or in doubt."""
        if len(self._wanted) < self._nodes_max:
            self._wanted[city, node] = None

    def take_rebirths(self, now_ms: int, cities: Container[str]) -> list[tuple[str, bytes]]:
        """Return (topic, payload) of the commands that ask for births that are wanted, in turn.

        Each node is asked at most once in REBIRTH_MS_MIN, all together REBIRTHS_MAX in REBIRTHS_MS_MIN, and only those
        of `cities`: other nodes that a broker may carry are not ours to command. `now_ms` in epoch milliseconds; where
        the clock is set back, a node may be asked once more.
        """
        if not self._wanted or (self._took is not None and abs(now_ms - self._took) < REBIRTHS_MS_MIN):
            return []
        self._took = now_ms
        self._asked = {key: asked for key, asked in self._asked.items() if abs(now_ms - asked) < REBIRTH_MS_MIN}
        self._wanted = {key: None for key in self._wanted if key[0] in cities and _is_topic_level(key[1])}
        due = [key for key in self._wanted if key not in self._asked][:REBIRTHS_MAX]
        for key in due:
            del self._wanted[key]
            self._asked[key] = now_ms
        return [(f"spBv1.0/{city}/NCMD/{node}", rebirth_command(now_ms)) for city, node in due]

    def _trim(self) -> None:
        while len(self._nodes) > self._nodes_max or self._birth_bytes > self._birth_bytes_max:
            city, node = next(iter(self._nodes))
            self.forget(city, node)


def _birth_bytes(edge_node: EdgeNode) -> int:
    return sum(device.birth_bytes for device in edge_node.devices.values())


def rebirth_command(now_ms: int) -> bytes:
    """Return the payload of an NCMD that asks an edge node for its birth, sent at `now_ms` (epoch milliseconds).

    Source: Sparkplug specification 3.0.0, tck-id-operational-behavior-data-commands-ncmd-rebirth-name and -value;
    tck-id-payloads-ncmd-timestamp and -seq: the payload has a timestamp and no sequence number.
    """
    payload = Payload(timestamp=now_ms)
    payload.metrics.add(name=b"Node Control/Rebirth", datatype=_BOOLEAN, boolean_value=True)
    return bytes(payload.SerializeToString())


def _is_topic_level(node: str) -> bool:
    return node.isprintable() and not any(mark in node for mark in "+#/ ")
