"""The shared words of Lifeline: sensors, readings, vocabulary, severities and instants. Imports nothing of ours."""
