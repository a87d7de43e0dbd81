"""Where a quotation stands in a text: white space apart, word for word."""

LONGEST = 300
"""Characters of a quotation that are kept."""


def find(quote: str, text: str) -> str:
    """Return the words of the text that are quoted, as they stand in it; empty where they don't."""
    wanted = " ".join(quote.split())
    if not wanted:
        return ""
    if quote.strip() in text:
        return quote.strip()[:LONGEST].rstrip()
    packed, places = _packed(text)
    at = packed.find(wanted)
    if at < 0:
        return ""
    return text[places[at] : places[at + len(wanted) - 1] + 1][:LONGEST].rstrip()


def _packed(text: str) -> tuple[str, list[int]]:
    """Return the text with one blank for every run of white space, and where each of its characters stands."""
    kept: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        if letter.isspace():
            if not kept or kept[-1] == " ":
                continue
            letter = " "  # noqa: PLW2901
        kept.append(letter)
        places.append(place)
    return "".join(kept), places
