"""The subcommands of `lifeline`, one module a subject; each module adds its parsers and runs what they chose."""
