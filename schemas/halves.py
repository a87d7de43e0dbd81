"""Half characters: lone surrogates, which a text may hold, and which UTF-8, columns of text and tokenizers can't."""


def whole(text: str) -> str:
    """Return a text in which half characters are U+FFFD, and two halves that belong together are one character."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
