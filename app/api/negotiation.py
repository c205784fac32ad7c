"""What the caller's Accept, Accept-Encoding and Accept-Language headers prefer of what is offered."""

HEADER_CHARACTERS_MAX = 1_000


def weights_of(header: str | None) -> dict[str, float]:
    """Return the weight of each entry of such a header, in small letters; 0 for a bad weight."""
    weights: dict[str, float] = {}
    for part in (header or "")[:HEADER_CHARACTERS_MAX].split(","):
        entry, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        weights[entry] = weight
    return weights


def preferred(accept: str | None, offered: tuple[str, ...]) -> str:
    """Return the offered media type or coding with the highest weight; the first of them where none is named.

    A caller that names none of them gets the first too: an answer is of more use than an error.
    """
    weights = weights_of(accept)
    return max(offered, key=lambda media_type: (weights.get(media_type, 0.0), -offered.index(media_type)))
