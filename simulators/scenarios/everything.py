"""Everything at once: the day for which an emergency is exercised."""

from collections.abc import Sequence

from simulators.cities import SimulatedCity
from simulators.events import Fault
from simulators.scenarios.story import HOUR_S, Scenario, Story, joined

LASTS_S = 24 * HOUR_S
_APART = ("quiet-day", "demo", "flood-of-alarms", "network-outage")  # no event, or all else drowned or hidden


def everything(scenarios: Sequence[Scenario]) -> Scenario:
    """Return the scenario in which all that show themselves within a day happen on one day.

    What is claimed of a sensor that is faulty itself is left out.
    """
    chosen = [one for one in scenarios if one.duration_s <= LASTS_S and one.name not in _APART]

    def tell(city: SimulatedCity, seed: int) -> Story:
        story = joined([one.tell(city, seed) for one in chosen])
        faulty = {sensor for event in story.events if isinstance(event, Fault) for sensor in event.sensors}
        claims = [claim for claim in story.claims if claim.severity is None or claim.sensor not in faulty]
        return Story(story.events, claims)

    shown = tuple(dict.fromkeys(thing for one in chosen for thing in one.shown))
    summary = f"all on one day: {', '.join(one.name for one in chosen)}"
    return Scenario("everything", summary, "2026-07-15T14:00", LASTS_S, tell, shown)
