"""The phrases in which a text speaks of things: `3 large red metal cubes`, a number or an article, attributes, a noun.

The words are those of CLEVR and of the drawn scenes, with what people write in their place. A phrase is found by its
noun and read backwards from there, which is several times as fast as a pattern for all of it.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from curation.validators._figures import IN_WORDS

Wanted = frozenset[tuple[str, str]]
"""Kinds of attributes with their values: `("colour", "red")`."""

_COLOUR_NAMES = "red green blue yellow purple brown cyan gray orange pink black white"
_NAMES: dict[str, dict[str, str]] = {
    "colour": {name: name for name in _COLOUR_NAMES.split()}
    | {"grey": "gray", "violet": "purple", "teal": "cyan", "turquoise": "cyan", "magenta": "pink"},
    "size": {"large": "large", "big": "large", "small": "small", "tiny": "small", "little": "small"},
    "material": dict.fromkeys(("metal", "metallic", "shiny", "reflective"), "metal")
    | dict.fromkeys(("rubber", "rubbery", "matte"), "rubber"),
    "shape": {"cube": "cube", "block": "cube", "sphere": "sphere", "ball": "sphere"}
    | {"cylinder": "cylinder", "cone": "cone"},
}
_GENERIC = ("object", "thing", "item", "shape", "solid")
KIND_OF = {name: (kind, value) for kind, names in _NAMES.items() for name, value in names.items()}
COLOURS = "|".join(_NAMES["colour"])
ATTRIBUTE = "|".join(name for kind, names in _NAMES.items() if kind != "shape" for name in names)
NOUN = "|".join([*_NAMES["shape"], *_GENERIC])
NUMBER = rf"[0-9]{{1,3}}|{IN_WORDS}"
NOUN_THERE = re.compile(r"[bcostiBCOSTI](?:lock|ube|phere|all|ylinder|one|bject|hing|tem|hape|olid|ne)s?(?![\w-])")
"""The first letters, then the rest: a search for a few letters is fast."""
_NOUNS = {form: (noun, form != noun) for noun in (*_NAMES["shape"], *_GENERIC, "one") for form in (noun, f"{noun}s")}
_SPAN = re.compile(r"\S+")
_BEFORE_A_NOUN = 100
"""Characters before a noun in which its attributes and its number stand."""
_FILLER_NAMES = (
    "and or single individual distinct visible separate only total bright dark light geometric 3d colored coloured "
    "color colour"
)
_FILLERS = frozenset(_FILLER_NAMES.split())
"""Words that may stand among the attributes and tell nothing."""
_SOME = frozenset({"other", "others", "more", "additional", "remaining", "such", "different", "same"})
_ARTICLE_NAMES = "no a an another the this that these those both any every each its"
_ARTICLES = frozenset(_ARTICLE_NAMES.split())
_COUNT = re.compile(rf"(?:{NUMBER})", re.IGNORECASE)
_ELLIPSIS = re.compile(
    rf"\b(?P<count>{NUMBER})\s+(?P<attributes>(?:(?:{ATTRIBUTE})\s*){{1,4}})(?=,|\sand\b|and\b|\sor\b)", re.IGNORECASE
)
_ATTRIBUTES = frozenset(ATTRIBUTE.split("|"))
_JOINT = re.compile(r",|\s(?:and|or|AND|OR|And|Or)\b")
_WORD = re.compile(rf"\b(?:{ATTRIBUTE})\b", re.IGNORECASE)


class Phrase(NamedTuple):
    """A phrase where it stands in its sentence."""

    text: str
    start: int
    end: int
    number: str
    """The number or article before it, in lower case; empty where there is none."""
    wanted: Wanted
    """Kinds of attributes with their values."""
    plural: bool
    some: bool
    """Only some of them are meant."""


def phrases(sentence: str) -> Iterator[Phrase]:
    """Yield the phrases of a sentence; one without a noun (`3 red and 2 blue cubes`) has that of the next."""
    found = list[Phrase]()
    for match in NOUN_THERE.finditer(sentence):
        noun = _NOUNS.get(match[0].lower())
        if noun is not None and not sentence[match.start() - 1 : match.start()].isalnum():
            phrase = _phrase(sentence, match.start(), match.end(), found[-1].end if found else 0)
            if phrase is not None:
                found.append(phrase)
    yield from found
    if len(found) and " and " in sentence and _may_lack_noun(sentence):
        yield from _without_noun(sentence, found)


def _may_lack_noun(sentence: str) -> bool:
    """Tell whether an attribute stands before a comma, `and` or `or`, where one would expect its noun."""
    ends = (part.split()[-1:] for part in _JOINT.split(sentence))
    return any(word and word[0].lower().rpartition("-")[2] in _ATTRIBUTES for word in ends)


def _without_noun(sentence: str, found: list[Phrase]) -> Iterator[Phrase]:
    for match in _ELLIPSIS.finditer(sentence):
        after = next((phrase for phrase in found if phrase.start >= match.end()), None)
        inside = any(phrase.start <= match.start() < phrase.end for phrase in found)
        wanted = wanted_of(match["attributes"])
        if after is not None and not inside and wanted is not None:
            noun = {each for each in after.wanted if each[0] == "shape"}
            text = match[0].strip()
            end = match.start() + len(text)
            yield Phrase(text, match.start(), end, match["count"].lower(), wanted | noun, True, False)


def _phrase(sentence: str, noun_at: int, end: int, after: int) -> Phrase | None:
    """Return the phrase of a noun, read backwards from it; None where its attributes are of several things."""
    noun, plural = _NOUNS[sentence[noun_at:end].lower()]
    before = _Before(sentence, max(after, noun_at - _BEFORE_A_NOUN), noun_at)
    wanted = wanted_of(before.attributes)
    if wanted is None or (noun == "one" and not wanted):
        return None
    shape = {("shape", _NAMES["shape"][noun])} if noun in _NAMES["shape"] else set()
    text = sentence[before.start : end]
    return Phrase(text, before.start, end, before.count, wanted | shape, plural, before.some or noun == "one")


class _Before:
    """The words before a noun that belong to it: attributes, then perhaps `other`, then a number or an article."""

    def __init__(self, sentence: str, near: int, noun_at: int) -> None:
        self.start, self.count, self.some = noun_at, "", False
        found, at = list[str](), noun_at
        for written in reversed(sentence[near:noun_at].split()):
            at = sentence.rfind(written, near, at)
            role, parts = _role(written.lower())
            if role == "none" or (role == "joint" and not found):
                break
            found += parts
            self.some |= role == "some"
            self.start = self.start if role == "joint" else at
            if role == "number":
                self.count = _bare(written.lower())
                break
        self.attributes = " ".join(found)


def _bare(word: str) -> str:
    return word.strip("*_-").removesuffix(",").removesuffix("-colored").removesuffix("-coloured")


@lru_cache(maxsize=4096)
def _role(word: str) -> tuple[str, Sequence[str]]:
    """Return what a word before a noun is to it, with the attributes that it names."""
    word = _bare(word)
    parts = word.split("-")
    if all(part in KIND_OF and KIND_OF[part][0] != "shape" for part in parts):
        return "attribute", parts
    if word in _SOME:
        return "some", ()
    if word in _ARTICLES or _COUNT.fullmatch(word):
        return "number", ()
    if word in {"and", "or"}:
        return "joint", ()
    return ("filler" if word in _FILLERS else "none"), ()


@lru_cache(maxsize=4096)
def wanted_of(attributes: str) -> Wanted | None:
    """Return the attributes; None where two are of a kind: `red and blue cubes`."""
    found = {KIND_OF[word.lower()] for word in _WORD.findall(attributes)}
    return frozenset(found) if len({kind for kind, _ in found}) == len(found) else None
