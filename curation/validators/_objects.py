"""What a text says of the objects of a scene: how many there are of a kind, and whether there is one at all.

A phrase is `3 large red metal cubes`: a number or an article, attributes, a noun. A number is exact where it is said
that so many are there; where only some are meant (those to the left, the other ones), it may not be more than there
are. What the facts have no word for, for instance a size, makes a phrase no claim.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

from curation.validators._equations import LONGEST, sentences
from curation.validators._figures import IN_WORDS, in_words
from curation.validators._phrases import (
    ATTRIBUTE,
    COLOURS,
    KIND_OF,
    NOUN,
    NOUN_THERE,
    NUMBER,
    Phrase,
    Wanted,
    phrases,
    wanted_of,
)

_COUNT_AFTER = re.compile(
    r"(?:\s+in\s+(?:total|all|the\s+(?:image|scene|picture)))?"
    rf"(?:\s*(?:is|are|equals|=|:|was|were)\s*(?:exactly\s+|only\s+|just\s+)?|\s*\()(?P<count>{NUMBER})\b"
    r"(?!\s+(?!in\s|and\s|but\s|which\s|so\s|while\s|total)[a-z]|%|\s*[-+*/×])",
    re.IGNORECASE,
)
_PREDICATE = re.compile(
    r"(?:['’]s\s+(?:colou?r|size|material|shape))?\s+(?:is|are|appears|looks|was)\s+"
    rf"(?:also\s+|both\s+|all\s+|made\s+of\s+|colou?red\s+)*(?P<attribute>{ATTRIBUTE})\b(?!-|\s+(?:{ATTRIBUTE}|{NOUN}))",
    re.IGNORECASE,
)
_ITS = re.compile(
    rf"\bits\s+(?:colou?r|surface|material)\s+(?:is|appears|looks)\s+(?P<attribute>{ATTRIBUTE})\b(?!-)", re.IGNORECASE
)
_JOINED = re.compile(r"\s*(?:,|;|and|,\s*and)\s*")
_GROUNDS = ("ground", "surface", "floor", "backdrop", "plane")
_GROUND = re.compile(rf"\b(?P<colour>{COLOURS})\s+(?:back)?(?:{'|'.join(_GROUNDS)})\b", re.IGNORECASE)
_OF_WHICH = re.compile(
    rf"\b(?P<count>{NUMBER}|none|one)\s+of\s+(?:which|them|these|those|the\s+(?:objects|things|items))\s+(?:is|are)\s+"
    rf"(?P<attributes>(?:{ATTRIBUTE})(?:[\s,]+(?:{ATTRIBUTE}))*)\b(?!\s+(?:{NOUN}))",
    re.IGNORECASE,
)
_OF_COLOUR = re.compile(
    rf"\bof\s+(?:the\s+)?(?:colou?r|material|size)\s+(?P<attributes>{ATTRIBUTE}),?\s+there\s+(?:is|are)\s+"
    rf"(?:exactly\s+|only\s+)?(?P<count>{NUMBER}|no|none)\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\s*(?:or|and)\b")
_PLACED = re.compile(
    r"\b(?:left|right|behind|front|background|foreground|near|nearer|beside|next|between|above|below|under|over|middle|"
    r"cent(?:er|re)|corner|top|bottom|far|closer?|same|other|others|another|remaining|rest|such|among|of these|"
    r"of those|of them|those|these|except|besides|apart|satisf\w*|match\w*|meet\w*|share\w*|group|first|second|row|"
    r"side|around)\b",
    re.IGNORECASE,
)
_IDIOMS = ("in other words", "on the other hand", "each other", "as well as", "the rest of the image")
_IDIOM = re.compile(rf"\b(?:{'|'.join(_IDIOMS)})\b", re.IGNORECASE)
"""What has words of place or choice in it, and tells neither."""
_WHOLE = re.compile(
    r"\b(?:in total|altogether|in all|in the (?:image|scene|picture)|overall|total of)\b", re.IGNORECASE
)
_TOLD = re.compile(
    r"\b(?:there(?:\s+is|\s+are|\s+were|['’]s|\s+exist\w*)|contains?|shows?|has|have|depicts?|includes?|features?|"
    r"consists? of|see|sees|count(?:ed|s)?|find|found|numbers? of|totals?|displays?|presents?|comprises?|holds?|"
    r"made up of|composed of|identif\w+|observed?|visible)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|none|neither|nor|without|never|absent|missing|lacks?|instead|rather than|than)\b|n['’]t\b", re.IGNORECASE
)
_ASKED = re.compile(
    r"\b(?:if|whether|would|suppose|imagine|asks?|asked|asking|question|look(?:ing)? for|search\w*|determine|consider|"
    r"check(?:ing)?|how many|any|possible|zero|need)\b|\?",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"\b(?:add\w*|subtract\w*|remov\w*|take|taken|taking|away|withdraw\w*|introduc\w*|insert\w*|minus|plus|remain\w*|"
    r"left|leav\w*|after|afterwards|would|if|were|now|then|get|gives|result\w*|answer|so|therefore|thus)\b|[-+=]",
    re.IGNORECASE,
)
CHANGES = re.compile(
    r"\b(?:add|subtract|remove|take|taken|withdraw|introduce|insert|(?:are|is) left(?! of))\b", re.IGNORECASE
)
_NO = re.compile(r"\bno\b", re.IGNORECASE)
_PICKED = re.compile(r"\b(?:the|these|those|of|its|least|most|than|to|both|with)\s*$", re.IGNORECASE)
_ALL_OF = re.compile(
    r"\b(?:total|number|consists?|composed|made up|set|collection|group|arrangement) of\s*$"
    r"|^\s*(?:of|among|all) the\s*$",
    re.IGNORECASE,
)
_NARROWED = re.compile(r"\s+(?:that|which|who|with|of|to|made|in front|sharing|having)\b")
_CLAUSE = re.compile(r"[,;:]|\bbut\b|\bwhile\b|\bwhereas\b|\band\b", re.IGNORECASE)
_BEFORE = re.compile(
    r"\b(?:of|to|behind|front|near|beside|by|than|above|below|between|around|from|as|like|on|under)\s*$", re.IGNORECASE
)

_MOST = 60
"""Phrases of a sentence that are looked at."""
_NEAR = 200
"""Characters before and behind a phrase that tell what is meant."""


class Disputed(NamedTuple):
    """A claim that the objects contradict."""

    what: str
    message: str
    start: int
    end: int


class Scene:
    """The objects of a scene, by what texts call them."""

    def __init__(self, objects: Sequence[Sequence[str]]) -> None:
        self.objects = [dict(KIND_OF[word] for word in map(str.lower, each) if word in KIND_OF) for each in objects]
        self.kinds = frozenset.intersection(*(frozenset(each) for each in self.objects)) if objects else frozenset()
        self._counts: dict[Wanted, int | None] = {}

    def count(self, wanted: Wanted) -> int | None:
        """Count the objects that have all the attributes; None where the facts don't know of such attributes."""
        if wanted not in self._counts:
            known = {kind for kind, _ in wanted} <= self.kinds
            self._counts[wanted] = sum(wanted <= each.items() for each in self.objects) if known else None
        return self._counts[wanted]


def disputed(text: str, known: Scene, question: str, *, caption: bool) -> Iterator[Disputed]:
    """Yield the claims of a caption, or of a reasoning about a question, that the objects contradict."""
    text = text[:LONGEST]
    if "shape" not in known.kinds or not _may_tell(text):
        return
    asking = _asking(question)
    plain = caption or asking.changes or not asking.placed
    telling = _Telling(known, asking.wanted, caption, asking.changes, plain)
    listed = Counter[Wanted]()
    for start, written in sentences(text):
        if text[start + len(written) : start + len(written) + 1] == "?":
            continue
        sentence = _without_idioms(written)
        there = list(islice(phrases(sentence), _MOST))
        found = [*_of_sentence(telling, sentence, there), *_of_them(telling, sentence, there)]
        found += [*_repeated(telling, sentence, there), *_of_ground(sentence)]
        if caption:
            found += _listed(telling, listed, sentence, there)
        for each in found:
            yield each._replace(start=start + each.start, end=start + each.end)


def _may_tell(text: str) -> bool:
    """Tell whether a text may speak of objects or of the ground; many a reasoning speaks of neither."""
    return NOUN_THERE.search(text) is not None or "of " in text.lower() or any(name in text for name in _GROUNDS)


def _without_idioms(sentence: str) -> str:
    plain = sentence.lower()
    if not any(each in plain for each in _IDIOMS):
        return sentence
    return _IDIOM.sub(lambda match: "~" * len(match[0]), sentence)


class _Asking(NamedTuple):
    """What a question tells of how counts are meant."""

    wanted: frozenset[Wanted]
    changes: bool
    placed: bool
    """It is about objects in some place."""


@lru_cache(maxsize=256)
def _asking(question: str) -> _Asking:
    wanted = frozenset(phrase.wanted for phrase in phrases(question))
    return _Asking(wanted, CHANGES.search(question) is not None, _PLACED.search(question) is not None)


class _Telling(NamedTuple):
    """What is the same for all sentences of a stage."""

    known: Scene
    asked: frozenset[Wanted]
    """Phrases of the question: they may be of what is not there."""
    caption: bool
    changes: bool
    """The question is about objects that are added or taken away."""
    plain: bool
    """A count is one of all objects, and not of those in some place."""


def _of_sentence(telling: _Telling, sentence: str, there: list[Phrase]) -> Iterator[Disputed]:
    for phrase in there:
        total = telling.known.count(phrase.wanted)
        if total is None:
            continue
        number = _number(phrase.number)
        after = _COUNT_AFTER.match(sentence, phrase.end) if phrase.plural and number is None else None
        if number is not None or after is not None:
            said = number if after is None else _number(after["count"].lower())
            end = phrase.end if after is None else after.end("count")
            yield from _counted(telling, sentence, phrase._replace(end=end), (int(said or 0), total))
        elif total == 0 and _exists(telling, sentence, phrase):
            yield Disputed("absent", f"there is no {_words(phrase.wanted)}", phrase.start, phrase.end)
        elif total:
            yield from _predicated(telling, sentence, phrase)


def _repeated(telling: _Telling, sentence: str, there: list[Phrase]) -> Iterator[Disputed]:
    """Find what one list names more often than it is there: `the red cube and the red cube`."""
    named = Counter[Wanted]()
    for before, phrase in pairwise(there):
        if not _JOINED.fullmatch(sentence, before.end, phrase.start):
            named.clear()
        named[before.wanted] = max(named[before.wanted], 1)
        named[phrase.wanted] += 1
        total = telling.known.count(phrase.wanted)
        single = not (phrase.plural or before.plural or phrase.some) and len(phrase.wanted) > 1
        if total and single and named[phrase.wanted] == total + 1 and phrase.number not in {"a", "an", "another"}:
            message = f"the {_words(phrase.wanted)} is named more often than it is there ({total})"
            yield Disputed("count", message, phrase.start, phrase.end)


def _of_ground(sentence: str) -> Iterator[Disputed]:
    """Find a ground of another colour than gray: that of all scenes whose objects are known."""
    grounds = (name for name in _GROUNDS if name in sentence)
    for match in _GROUND.finditer(sentence) if next(grounds, None) else ():
        if KIND_OF[match["colour"].lower()][1] not in {"gray", "white"}:
            yield Disputed("absent", "the ground is gray", match.start(), match.end())


def _of_them(telling: _Telling, sentence: str, there: list[Phrase]) -> Iterator[Disputed]:
    """Check `6 objects, 2 of which are red`, and `of the colour red, there are 2`."""
    if not (telling.caption or telling.plain) or "of " not in sentence.lower():
        return
    for match in (*_OF_WHICH.finditer(sentence), *_OF_COLOUR.finditer(sentence)):
        before = next((each for each in reversed(there) if each.end <= match.start()), None)
        wanted, said = wanted_of(match["attributes"]), _number(match["count"].lower())
        if wanted is None or said is None or _PLACED.search(sentence, 0, match.start()):
            continue
        whole = before.wanted if before is not None and match.re is _OF_WHICH else frozenset()
        total = telling.known.count(wanted | whole)
        if total is not None and said != total:
            message = f"there are {total} {_words(wanted | whole)}s, not {said}"
            yield Disputed("count", message, match.start(), match.end())


def _counted(telling: _Telling, sentence: str, phrase: Phrase, numbers: tuple[int, int]) -> Iterator[Disputed]:
    said, total = numbers
    if said == total or _NEGATED.search(_clause(sentence, phrase)):
        return
    if telling.changes and not telling.caption and _CHANGED.search(sentence):
        return
    if said > total or _is_exact(telling, sentence, phrase):
        message = f"there are {total} {_words(phrase.wanted)}s, not {said}"
        yield Disputed("count", message, phrase.start, phrase.end)


def _is_exact(telling: _Telling, sentence: str, phrase: Phrase) -> bool:
    """Tell whether all of a kind are counted, and not some that stand somewhere or were told of before."""
    before, after = sentence[max(0, phrase.start - _NEAR) : phrase.start], sentence[phrase.end : phrase.end + _NEAR]
    if phrase.some or _PICKED.search(before):
        return _ALL_OF.search(before) is not None
    if _NARROWED.match(after):
        return False
    if _WHOLE.search(sentence):
        return True
    if _PLACED.search(before) or _PLACED.search(_CLAUSE.split(after, maxsplit=1)[0]):
        return False
    if telling.caption:
        return phrase.number != "one" or _TOLD.search(before) is not None
    return telling.plain and bool(_TOLD.search(before) or _COUNT_AFTER.match(phrase.text[-1:] + after))


def _exists(telling: _Telling, sentence: str, phrase: Phrase) -> bool:
    """Tell whether a phrase says that there is one."""
    if phrase.number in {"any", "no", "every", "each"} or phrase.wanted in telling.asked or not phrase.wanted:
        return False
    if telling.changes and not telling.caption:
        return False
    clause = _clause(sentence, phrase)
    meant = _ASKED.search(sentence) is None or any(_slipped(phrase.wanted, asked) for asked in telling.asked)
    return meant and not (_NEGATED.search(clause) or _NO.search(clause))


def _slipped(said: Wanted, asked: Wanted) -> bool:
    """Tell whether it is what was asked for, but for the colour."""
    return len(said) == len(asked) and {kind for kind, _ in said ^ asked} == {"colour"}


def _predicated(telling: _Telling, sentence: str, phrase: Phrase) -> Iterator[Disputed]:
    """Check `the cube is red`, and `a cube, so its colour is red`."""
    predicate = _PREDICATE.match(sentence, phrase.end)
    if predicate is None and "its" in sentence.lower():
        predicate = _ITS.search(sentence, phrase.end, phrase.end + _NEAR)
    if predicate is None or NOUN_THERE.search(sentence, phrase.end, predicate.start()):
        return
    attribute = KIND_OF[predicate["attribute"].lower()]
    its = predicate.re is _ITS
    if (attribute[0] in {kind for kind, _ in phrase.wanted} and not its) or _OR.match(sentence, predicate.end()):
        return
    wanted = frozenset(each for each in phrase.wanted if each[0] != attribute[0]) | {attribute}
    if telling.known.count(wanted) == 0 and _exists(telling, sentence, phrase._replace(wanted=wanted)):
        yield Disputed("absent", f"there is no {_words(wanted)}", phrase.start, predicate.end("attribute"))


def _listed(telling: _Telling, listed: Counter[Wanted], sentence: str, there: list[Phrase]) -> Iterator[Disputed]:
    """Count what a caption names one by one, and find what it names more often than it is there."""
    for phrase in there:
        one = phrase.number in {"a", "an", "another", ""} and not phrase.plural and not phrase.some
        if not one or not phrase.wanted or _BEFORE.search(sentence[max(0, phrase.start - 20) : phrase.start]):
            continue
        listed[phrase.wanted] += 1
        total = telling.known.count(phrase.wanted)
        if total and listed[phrase.wanted] == total + 1 and not _NEGATED.search(sentence):
            message = f"a {_words(phrase.wanted)} is named more often than there are ({total})"
            yield Disputed("count", message, phrase.start, phrase.end)


def _clause(sentence: str, phrase: Phrase) -> str:
    """Return the part of a sentence between commas and the like that a phrase stands in."""
    near = max(0, phrase.start - _NEAR)
    start = max((match.end() for match in _CLAUSE.finditer(sentence, near, phrase.start)), default=near)
    end = _CLAUSE.search(sentence, phrase.end, phrase.end + _NEAR)
    return sentence[start : end.start() if end else phrase.end + _NEAR]


@lru_cache(maxsize=1024)
def _number(count: str) -> int | None:
    if count in {"no", "none"}:
        return 0
    if count.isdigit():
        return int(count)
    return int(in_words(count)) if re.fullmatch(IN_WORDS, count) else None


def _words(wanted: Wanted) -> str:
    by_kind = dict(wanted)
    noun = by_kind.pop("shape", "object")
    return " ".join([*(by_kind[kind] for kind in ("size", "colour", "material") if kind in by_kind), noun])
