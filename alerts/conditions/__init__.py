"""The kinds of conditions, one file each: its words in a rule file, its definition and source, and its kernel.

A *signal kind* makes a signal of a sensor's readings, which the ladder (ladder.py) holds against the rule's limits.
Its module has

- `Condition`: the words, a subclass of words.Signal with a `kind` of its own;
- `USES_LOCAL_TIME`: whether its kernel looks at the city's civil time;
- `PARAMETERS`, `STATE`: the dtypes of record arrays; a state of zeros has seen nothing;
- `parameters(condition, sensor)`: one element of PARAMETERS as a tuple, None where the sensor lacks what the rule needs
  (then the rule does not bind there, and says so);
- `memory_width(condition, sensor)`: how many float64 a binding remembers besides (a ring of values, a profile);
- `walk(sensor, time, local, value, clean, renewed, first, parameter_of, parameters, states, memory, signals)`:
  compiled; walks the readings in order of arrival, one after the other, and returns how many elements of `signals` it
  filled, at most one for each binding of each reading.

Readings are arrays of shape (n,): `sensor` int32 registry keys, `time` int64 epoch milliseconds (rising within a
sensor where `clean`), `local` int64 milliseconds of civil time (time plus the zone's offset; only where asked for),
`value` float64 in the property's unit, `clean` bool (new and beyond doubt: all that a signal is made of), `renewed`
bool (the device was replaced, calibrated or re-zeroed since the sensor's reading before: what was remembered of its
level no longer counts). Sensor k has the bindings `first[k]` to `first[k + 1]`; binding b has
`parameters[parameter_of[b]]`, `states[b]` and `memory[b]` (float64, at least as wide as it needs, zeros at first; what
stands where in it depends on the binding's own parameters alone).

A kernel looks at nothing but the sensor's own readings in time order: so the journal depends on nothing else.
"""
