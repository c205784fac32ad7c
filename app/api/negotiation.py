"""Which of the forms that a route offers the caller's Accept header prefers."""


def preferred(accept: str | None, offered: tuple[str, ...]) -> str:
    """Return the offered media type with the highest weight; the first of them where none is named.

    A caller that names none of them gets the first too: an answer is of more use than an error.
    """
    weights: dict[str, float] = {}
    for part in (accept or "")[:1_000].split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        weights[media_type] = weight
    return max(offered, key=lambda media_type: (weights.get(media_type, 0.0), -offered.index(media_type)))
