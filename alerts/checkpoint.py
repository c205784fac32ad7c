"""The engine's state kept and moved: saved to bytes, restored, and carried over to changed rules or sensors."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.bound import Bindings, Ladders
from alerts.conditions.ladder import NEVER
from alerts.engine import Engine
from alerts.findings import change_of, severity_of, standing_change, subject_of
from alerts.gateways import Gateways
from model.alarm import ConditionChange


def carry_over(old: Engine, new: Engine) -> list[ConditionChange]:
    """Give `new` the state of `old` for every sensor and binding that both have; return the withdrawn occurrences.

    A rule whose limits changed keeps its state and is judged by its new limits at each sensor's next reading; where
    what makes its signal changed, that begins anew. An occurrence whose rule or sensor is gone, or whose rule is no
    longer annunciated, is returned to normal at the log's clock, with cause `rule`. What stands of a rule that is
    annunciated now, and was not, is raised with that cause.
    """
    new.clock = old.clock
    for key, sensor in old.registry.sensors.items():
        new_key = new.registry.keys.get(sensor.sensor)
        if new_key is not None:
            new.sensors[new_key] = old.sensors[key]
            new.gateways.heard[new_key] = old.gateways.heard[key]
    inputs = {old.registry.sensors[key].sensor: place for place, key in enumerate(old.expressing.inputs.tolist())}
    for place, key in enumerate(new.expressing.inputs.tolist()):
        if new.registry.sensors[key].sensor in inputs:
            new.expressing.newest[place] = old.expressing.newest[inputs[new.registry.sensors[key].sensor]]
    withdrawn = []
    for name, group in old.groups.items():
        following = new.groups.get(name)
        places = {}
        if following is not None:
            places = {_binding_key(new, following, place): place for place in range(len(following.bindings))}
        for place in range(len(group.bindings)):
            state = group.states[place]
            new_place = places.get(_binding_key(old, group, place))
            if following is not None and new_place is not None:
                following.states[new_place] = state
                if isinstance(group, Ladders) and isinstance(following, Ladders):
                    _carry_detector(group, place, following, new_place)
            if state["raised"] == NEVER:
                continue
            is_told = group.bindings[place].rule.annunciated
            if following is None or new_place is None:
                withdrawn += [_withdrawal(old, group, place)] if is_told else []
            elif is_told and not following.bindings[new_place].rule.annunciated:
                withdrawn.append(_withdrawal(old, group, place))
            elif not is_told and following.bindings[new_place].rule.annunciated:
                begun = standing_change(new.registry, following, new_place)
                withdrawn.append(msgspec.structs.replace(begun, known_at=old.clock))
    new.states_were_put_in()
    return withdrawn


def _binding_key(engine: Engine, group: Bindings, place: int) -> tuple[str, str]:
    """What names a binding across versions of rules and registry: its rule, and its sensor or gateway."""
    return group.bindings[place].rule.rule, subject_of(group, place, engine.registry)


def _carry_detector(old: Ladders, place: int, new: Ladders, new_place: int) -> None:
    one, other = old.detector, new.detector
    if one is None or other is None:
        return
    if one.parameters[one.parameter_of[place]] == other.parameters[other.parameter_of[new_place]]:
        other.states[new_place] = one.states[place]
        width = min(one.memory.shape[1], other.memory.shape[1])  # as wide as the widest binding of the kind needs
        other.memory[new_place, :width] = one.memory[place, :width]


def _withdrawal(old: Engine, group: Bindings, place: int) -> ConditionChange:
    state = group.states[place]
    return change_of(
        old.registry,
        group.bindings[place],
        sensor=subject_of(group, place, old.registry),
        time=old.clock,
        raised=int(state["raised"]),
        known_at=old.clock,
        severity_from=severity_of(state),
        severity=0,
        value=None,
        limit=None,
        cause="rule",
        reason="rule_withdrawn",
    )


class Checkpoint(msgspec.Struct):
    """A copy of the engine's state; rules and registry are not in it."""

    clock: int
    arrays: dict[str, tuple[str, memoryview]]  # by name: what an element is, and the elements


def saved_arrays(engine: Engine) -> dict[str, NDArray[np.generic]]:
    """Return the arrays that are the engine's state, by name."""
    arrays: dict[str, NDArray[np.generic]] = {"sensors": engine.sensors, "inputs": engine.expressing.newest}
    for name, group in engine.groups.items():
        arrays[name] = group.states
        if isinstance(group, Ladders) and group.detector is not None:
            arrays[f"{name}.detector"] = group.detector.states
            arrays[f"{name}.memory"] = group.detector.memory
        if isinstance(group, Gateways) and group.bindings:
            arrays[f"{name}.heard"] = group.heard
    return arrays


def copy_state(engine: Engine) -> Checkpoint:
    """Return a copy of the engine's state, which others may pack while the engine goes on."""
    arrays = saved_arrays(engine).items()
    return Checkpoint(engine.clock, {name: (str(array.dtype), memoryview(array.tobytes())) for name, array in arrays})


def encode_state(checkpoint: Checkpoint) -> bytes:
    """Return the copy as bytes."""
    return msgspec.msgpack.encode(checkpoint)


def save_state(engine: Engine) -> bytes:
    """Return the engine's state as bytes."""
    return encode_state(copy_state(engine))


def restore_state(engine: Engine, saved: bytes) -> None:
    """Put back what save_state returned into an engine bound to the same rules and registry.

    Raises ValueError where the elements or their number do not fit: then the state is another binding's, or another
    version's.
    """
    checkpoint = msgspec.msgpack.decode(saved, type=Checkpoint)
    for name, array in saved_arrays(engine).items():
        element, stored = checkpoint.arrays.get(name, (str(array.dtype), memoryview(b"")))
        if element != str(array.dtype) or len(stored) != array.nbytes:
            raise ValueError(f"the checkpoint's {name} is not that of the binding")
    for name, array in saved_arrays(engine).items():
        if array.nbytes:  # else it may be of a kind that the version before did not have
            array[:] = np.frombuffer(checkpoint.arrays[name][1], array.dtype).reshape(array.shape)
    engine.clock = checkpoint.clock
    engine.states_were_put_in()
