"""Foreign text, made fit for Streamlit's plain-text elements."""

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}


def shown(text: str, most: int = 0) -> str:
    """Return the text with pictures for what has no shape, cut to `most` characters where that is given.

    Streamlit's messages are UTF-8, which has no place for half of a surrogate pair.
    """
    if most and len(text) > most:
        text = text[: most - 1] + "…"
    return text.translate(_PICTURES).encode("utf-8", "replace").decode("utf-8")
