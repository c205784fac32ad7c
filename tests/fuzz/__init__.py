"""Fuzzing of everything that reads what others wrote: a declared answer or a declared refusal, soon, in little memory.

`make fuzz INPUTS=1000000 SEED=1` (python -m tests.fuzz.run); each input can be made again by target, seed and number.
"""
