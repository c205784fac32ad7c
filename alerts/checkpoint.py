"""The engine's state kept and moved: saved to bytes, restored, and carried over to changed rules or sensors."""

import msgspec
import numpy as np

from alerts.binding import binding_key
from alerts.conditions.threshold import NEVER, quiet_states
from alerts.engine import Engine
from model.alarm import ConditionChange


def carry_over(old: Engine, new: Engine) -> list[ConditionChange]:
    """Give `new` the state of `old` for every sensor and binding that both have; return the withdrawn occurrences.

    A rule that changed keeps its state and is judged by its new limits at each sensor's next reading. An occurrence
    whose rule or sensor is gone is returned to normal at the log's clock, with cause `rule`.
    """
    new.clock = old.clock
    for key, sensor in old.registry.sensors.items():
        new_key = new.registry.keys.get(sensor.sensor)
        if new_key is not None:
            new.sensors[new_key] = old.sensors[key]
    withdrawn = []
    for name, group in old.groups.items():
        following = new.groups[name]
        places = {binding_key(b, new.registry): i for i, b in enumerate(following.bindings)}
        for place, binding in enumerate(group.bindings):
            state = group.states[place]
            new_place = places.get(binding_key(binding, old.registry))
            if new_place is not None:
                following.states[new_place] = state
            elif state["raised"] != NEVER:
                withdrawn.append(
                    old.change(
                        binding,
                        time=old.clock,
                        raised=int(state["raised"]),
                        known_at=old.clock,
                        severity_from=1 if name == "stale" else int(state["severity"]),
                        severity=0,
                        value=None,
                        limit=None,
                        cause="rule",
                        reason="rule_withdrawn",
                    )
                )
    _mark_quiet(new)
    return withdrawn


class _Checkpoint(msgspec.Struct):
    clock: int
    arrays: dict[str, bytes]


def save_state(engine: Engine) -> bytes:
    """Return the engine's state as bytes; rules and registry are not in it."""
    arrays = {"sensors": engine.sensors.tobytes()}
    arrays.update({name: group.states.tobytes() for name, group in engine.groups.items()})
    return msgspec.msgpack.encode(_Checkpoint(engine.clock, arrays))


def restore_state(engine: Engine, saved: bytes) -> None:
    """Put back what save_state returned into an engine bound to the same rules and registry.

    Raises ValueError where the sizes do not fit: then the state is another binding's.
    """
    checkpoint = msgspec.msgpack.decode(saved, type=_Checkpoint)
    for name, array in (("sensors", engine.sensors), *((n, g.states) for n, g in engine.groups.items())):
        stored = np.frombuffer(checkpoint.arrays.get(name, b""), array.dtype)
        if len(stored) != len(array):
            raise ValueError(f"the checkpoint has {len(stored)} elements of {name}, the binding {len(array)}")
        array[:] = stored
    engine.clock = checkpoint.clock
    _mark_quiet(engine)


def _mark_quiet(engine: Engine) -> None:
    for group in (engine.threshold, engine.range):
        group.quiet[:] = quiet_states(group.states)
