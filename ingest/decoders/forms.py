"""The forms a deployment takes beside JSON and SenML: its vendors' mappings, and what its edge nodes said."""

from collections.abc import Container, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ingest.decoders.mapped import MappedForm
from ingest.decoders.mapped_paths import Captures
from ingest.decoders.mapping import Mapping

if TYPE_CHECKING:
    from ingest.decoders.edge_nodes import EdgeNodes

REMEMBERED_TOPICS_MAX = 16_384
REMEMBERED_CHARACTERS_MAX = 256


class Mapped(NamedTuple):
    """The mapping that a topic falls under, and what the topic captures."""

    form: MappedForm
    captures: Captures


class Forms:
    """Lives as long as the session: one worker's messages are decoded in order by the same `Forms`.

    `asks_for_births` says whether edge nodes whose birth is missing are asked for it; else they are only listened to.
    """

    def __init__(self, mappings: Sequence[Mapping] = (), *, asks_for_births: bool = True) -> None:
        self._asks_for_births = asks_for_births
        self._mapped = [MappedForm(mapping) for mapping in mappings]
        self._edge_nodes: EdgeNodes | None = None
        self._remembered = lru_cache(REMEMBERED_TOPICS_MAX)(self._match)

    @property
    def edge_nodes(self) -> "EdgeNodes":
        """What Sparkplug edge nodes have said of themselves."""
        if self._edge_nodes is None:
            # Where no edge node speaks, protobuf is not loaded.
            from ingest.decoders.edge_nodes import EdgeNodes

            self._edge_nodes = EdgeNodes()
        return self._edge_nodes

    def take_commands(self, now_ms: int, cities: Container[str]) -> list[tuple[str, bytes]]:
        """Return (topic, payload) of the commands to edge nodes that are due; see EdgeNodes.take_rebirths."""
        if self._edge_nodes is None or not self._asks_for_births:
            return []
        return self._edge_nodes.take_rebirths(now_ms, cities)

    def apart(self) -> "Forms":
        """Return the same mappings for messages out of their order: what they say of edge nodes is not remembered."""
        return Forms([form.mapping for form in self._mapped], asks_for_births=False)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT filters of the mappings."""
        return tuple(form.mapping.subscription for form in self._mapped)

    def mapped(self, topic: str) -> Mapped | None:
        """Return the mapping for a topic; None where there is none. The first that fits holds."""
        if not self._mapped:
            return None
        return self._remembered(topic) if len(topic) <= REMEMBERED_CHARACTERS_MAX else self._match(topic)

    def _match(self, topic: str) -> Mapped | None:
        for form in self._mapped:
            captures = form.match(topic)
            if captures is not None:
                return Mapped(form, captures)
        return None
