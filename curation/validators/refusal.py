"""The writer refuses, or says nothing: no answer, no sight of the image, a template left blank, words about nothing.

Errors: `refused` (a model speaks of itself, or declines), `not-seen` (the image is said to be missing, although the
sample has one), `unanswered` (a CONCLUSION that nothing can be determined, where there is a target that says something
else), `placeholder` (a stage without a word, or a template's blank).
Warnings: `undecided` (the same in the REASONING), `restated` (a stage that is the question again, and little else),
`empty-talk` (a CAPTION or REASONING that holds the question's words and phrases that fit any question, and no other).

What is not told: a stage of fewer than five words, with a digit, or of 300 bytes or more is never empty talk; and doubt
about a detail is no refusal.
"""

import polars as pl

from curation.validators import _spotting
from curation.validators._spotting import NAMES, Kind, Phrases, findings, holds, may_hold, pattern, words

VERSION = 1

_REFUSED = Kind("refused", "error", "a model speaks of itself or declines, instead of answering")
_NOT_SEEN = Kind("not-seen", "error", "says that there is no image, or that it can't be seen; the sample has one")
_UNANSWERED = Kind("unanswered", "error", "says that there is no answer; the target is one")
_UNDECIDED = Kind("undecided", "warning", "says that the question can't be answered; there is a target")
_PLACEHOLDER = Kind("placeholder", "error", "is a template's blank, not text")
_RESTATED = Kind("restated", "warning", "is the question again, and little else")
_EMPTY_TALK = Kind("empty-talk", "warning", "holds no word but the question's own and phrases that fit any question")

_CANT = (
    r"(?:can ?not|can't|could not|couldn't|(?:am|'m|are|'re|was|is) (?:unable|not able) to|do not have the ability to)"
)
_SEE = (
    r"(?:directly |actually |physically |currently )?"
    r"(?:see|view|access|open|load|display|look at|process|interpret|analy[sz]e|read)"
)
_IMAGE = r"(?:image|picture|photo|photograph|figure|diagram|chart|attachment|visual|visuals)s?"

_OF_ITSELF = Phrases(
    _REFUSED,
    pattern(
        r"\bas an? (?:AI|artificial intelligence|(?:large )?language model|text-based)\b",
        r"\bI(?: am|'m) (?:just |only |merely )?an? (?:AI|(?:large )?language model|text-based|virtual assistant)\b",
        r"\bmy (?:training data|knowledge cutoff|programming)\b",
        r"\bI(?: am|'m)(?: very| really| so)? sorry,?(?: but)?,? (?:but )?(?:I|as|that|this|there|no)\b",
        r"\bI apologi[sz]e,? (?:but|for)\b|\bmy apologies\b",
        rf"\bI {_CANT} (?:\w+ )?(?:assist|help|comply|fulfil|answer|provide|engage|respond|complete|support|"
        rf"identify (?:the |"
        r"this |real )?(?:people|person|individual|who))",
        r"\bI (?:must|have to|need to|will have to|would like to|respectfully) (?:respectfully )?(?:decline|refuse)\b",
        r"\bI (?:won't|will not|would rather not|refuse to|decline to)(?: be able to)? (?:\w+ )?(?:answer|assist|"
        r"help|provide|"
        r"identify|do)\b",
        r"\b(?:against|violates?) (?:my|the|our|openai's) (?:content |usage |safety )*(?:polic(?:y|ies)|guidelines)\b",
        r"\b(?:please )?(?:provide|upload|attach|share|resend|re-upload) (?:the|an?|your|more|that|a clearer) (?:\w+ )?"
        rf"(?:{_IMAGE}|details|context|information)(?: so| and I| to (?:me|get|help)|[.,;!]|$)",
        r"抱歉,?我|作为一个?(?:人工智能|AI|语言模型)|我(?:无法|不能)(?:回答|提供|协助|查看|识别)",
        r"\bals (?:KI|sprachmodell)\b|\ben tant qu'(?:IA|intelligence)\b|\bcomo (?:una? )?(?:IA|"
        r"inteligencia artificial|modelo)\b",
    ),
)
_WITHOUT_IMAGE = Phrases(
    _NOT_SEEN,
    pattern(
        rf"\b(?:I|we) {_CANT} {_SEE} (?:the |this |that |any |an? |your |actual |provided |attached |"
        rf"uploaded )*{_IMAGE}\b",
        rf"\bno (?:\w+ )?{_IMAGE} (?:(?:was|is|were|are|has been|have been|seems to be|appears to be|to be) )?"
        r"(?:actually )?(?:provided|attached|included|uploaded|available|supplied|given|present|visible|shared|found|"
        r"loaded)\b",
        rf"\b(?:the |this |your ){_IMAGE} (?:(?:is|was|has|did|does|could|can|seems|appears|itself) ?(?:to be |"
        rf"to have )?"
        r"(?:not|n't)|cannot|can't|failed to|is missing|was missing|seems missing)\b ?(?:be |been |have been |"
        r"actually )*"
        r"(?:provided|attached|uploaded|load(?:ed)?|displayed|shown to me|viewed|opened|accessed|come through|render|"
        r"included|available|visible|there)\b",
        rf"\bwithout (?:being able to (?:see|view)|seeing|viewing|access to|having access to) (?:the |an? |any |"
        rf"this )?{_IMAGE}\b",
        rf"\b(?:don't|do not|didn't|did not) (?:have access to|see|receive|get) (?:the |any |an? |your |"
        rf"actual )+{_IMAGE}\b",
        r"没有(?:提供|看到|附上)(?:任何)?图[片像]?|(?:无法|不能)(?:看到|查看|访问)(?:该|此|这[张个]|您的)?图[片像]?",
    ),
)
_OPEN = pattern(
    r"\b(?:can ?not|can't|could not|couldn't) (?:\w+ )?be (?:\w+ )?(?:determined|answered|inferred|identified|known|"
    r"established|ascertained|told|said|concluded|deduced|derived|calculated|decided|verified)\b",
    r"\b(?:impossible|not possible|unable|not able|no way|hard) to (?:\w+ )?(?:determine|tell|say|know|answer|identify|"
    r"ascertain|conclude|calculate|decide|provide)\b",
    r"\b(?:not enough|insufficient|lack of|no sufficient|inadequate) (?:\w+ )?(?:information|data|context|details?|"
    r"evidence)\b",
    r"\b(?:not|n't) (?:\w+ )?(?:enough|sufficient) (?:\w+ )?(?:information|data|context|details?|evidence)\b",
    r"\b(?:unanswerable|indeterminate|undetermined|undeterminable|inconclusive|uncertain)\b",
    r"\b(?:no|without a) (?:definitive|clear|definite|certain|single|specific|conclusive) (?:answer|conclusion)\b",
    r"\b(?:I|we) (?:do not|don't|can ?not|can't|could not|couldn't) (?:\w+ )?(?:know|determine|tell|say|answer|"
    r"conclude|"
    r"be (?:sure|certain))\b",
    r"\bnone of the (?:above|options|choices|answers|given options)(?: (?:is|are|can be|seems?|matches?|apply|"
    r"applies))?\b",
    r"\bunknown\b|\bnot (?:specified|visible|shown|stated|mentioned|provided|given|clear|known|available|applicable)\b",
    r"无法(?:确定|判断|回答|得知)|不能确定|信息不足",
)
_GIVES_UP = pattern(
    r"\b(?:question|answer|problem|it)(?: itself| asked)? (?:can ?not|can't|could not|"
    r"couldn't) be (?:\w+ )?(?:answered|"
    r"determined|solved|given|known|established)\b",
    r"\b(?:impossible|not possible|unable|not able) to (?:\w+ )?(?:answer|solve|determine the answer|give an answer)\b",
    r"\b(?:not enough|insufficient) (?:\w+ )?(?:information|data|details?|evidence) to (?:answer|determine|decide|"
    r"solve)\b",
    r"无法(?:确定|回答)(?:答案|问题|该问题|此题)",
)
_BLANK = pattern(
    r"\[ ?(?:insert|your|describe|provide|add|fill|summari[sz]e|caption|state|image|answer|placeholder|write|todo|text|"
    r"reasoning|explain|final|step)\b[^\]\n]{0,200}\]",
    r"\{\{?(?:question|answer|caption|image|summary|reasoning|conclusion|standard|topic|target)\}?\}",
    r"<(?:insert|your|answer|describe|placeholder|image|caption)[^<>\n]{0,60}>|\blorem ipsum\b|\bTODO:|^ ?todo\.? ?$|"
    r"\bplaceholder (?:text|for)\b|\b(?:to be|will be) (?:filled|added|completed) (?:in|later)\b",
)
_LITTLE = 300
"""Bytes of a stage up to which it can be without a word of its own."""
_ASKED = 12
"""Bytes of a question from which on its words stand in a stage for no other reason."""
_OPENING = 40
"""Bytes that can stand beside a question without saying anything."""
_NOTHING = pattern(r"^\W*(?:n ?/ ?a|none|null|nil|nan|tbd|todo|placeholder|empty|undefined|same|see above)\W*$")
_FRAME = """
a about above according actual after again all also an analyse analysis analyze and answer answering answers any
appear appears approach are as ask asked asking asks at based be been before being below best by can careful carefully
check clear clearly close closely come conclude conclusion consider considering contain contains content context correct
could depict depicts describe described describes detail details determine determined determining displayed do does each
element elements examine examining everything evident evidence explain find finding first focus following for from
gather get given go has have help how i identify identifying if image images in indicate indicates information inspect
into is it its key know let like logical look looking looks make me most must my need needed needs next now observe
observing of on one or order our out overall part parts picture pictures plan please possible present problem proceed
provided provides question reach read reading reason reasoning refer related relevant required result right scene see
seen shall should show showing shown shows so solution solve some something step steps study such task take taking tell
text that the their them then there therefore these they thing things think this those through thus to understand us
use used using various view visible visual way we what when where whether which who why will with work would you your
"""
"""Words of which one can make sentences that fit any question about an image."""
_FRAMED = pattern(rf"\b(?:{'|'.join(_FRAME.split())})\b")
_FRAMED_END = pattern(rf"\b(?:{'|'.join(_FRAME.split())})\W*$")
_FRAMED_SHARE = 0.3
"""Share of such words from which on the rest is looked at."""


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the refusals, the blanks and the stages that say nothing."""
    illustrated = batch.filter(pl.col("images").list.len() > 0)
    unread = batch.filter(pl.col("summary").is_null())
    return _spotting.together(
        [
            *_spotting.spotted(batch, _OF_ITSELF),
            *_spotting.spotted(unread, _OF_ITSELF, ("text",)),
            *_spotting.spotted(illustrated, _WITHOUT_IMAGE),
            *_spotting.spotted(illustrated.filter(pl.col("summary").is_null()), _WITHOUT_IMAGE, ("text",)),
            *_undetermined(batch),
            *_spotting.spotted(batch, Phrases(_PLACEHOLDER, _BLANK)),
            *_spotting.spotted(batch, Phrases(_PLACEHOLDER, _NOTHING), NAMES[:3]),
            *(_wordless(batch, stage) for stage in NAMES),
            *(_restated(batch, stage) for stage in NAMES[:3]),
            *(_empty_talk(batch, stage) for stage in ("caption", "reasoning")),
        ]
    )


def _undetermined(batch: pl.DataFrame) -> list[pl.DataFrame]:
    """Find the stages that give up where neither a target nor a choice does, nor the question speaks of it."""
    asked = pl.concat_str("question", pl.col("choices").list.join(" "), pl.col("targets").list.join(" "), separator=" ")
    judged = batch.filter(pl.col("targets").list.len() > 0, ~asked.str.contains(_OPEN))
    unanswered = _spotting.spotted(judged.filter(_short("conclusion")), Phrases(_UNANSWERED, _OPEN), ("conclusion",))
    return [*unanswered, *_spotting.spotted(judged, Phrases(_UNDECIDED, _GIVES_UP), ("reasoning",))]


def _short(stage: str) -> pl.Expr:
    """Tell whether a conclusion is an answer: in a description, doubt about a detail is nothing wrong."""
    return pl.col(stage).str.len_bytes() < 400


def _wordless(batch: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Find stages without a letter or a digit; a target can be of signs alone."""
    same = pl.col("targets").list.contains(pl.col(stage).str.strip_chars()).fill_null(value=False)
    rows = batch.filter(~pl.col(stage).str.contains(r"[\p{L}\p{N}]"), ~same)
    return findings(rows, _PLACEHOLDER, stage, pl.col(stage))


def _restated(batch: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Find stages that hold the whole question and little else; a summary may, if it says a word of its own."""
    asked, said = pl.col("question").str.len_bytes(), pl.col(stage).str.len_bytes()
    more = 0 if stage == "summary" else _OPENING
    rows = batch.filter(asked > _ASKED, said < asked + _OPENING, asked < said + _OPENING)
    rows = rows.filter(may_hold(pl.col(stage), pl.col("question"))).filter(
        holds(words(pl.col(stage)), words(pl.col("question"))),
        words(pl.col(stage)).str.len_bytes() <= words(pl.col("question")).str.len_bytes() + more,
    )
    return findings(rows, _RESTATED, stage, pl.col(stage))


def _empty_talk(batch: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Take the question's words and the frame from the stage's; long stages and those with digits say something."""
    rows = batch.filter(pl.col(stage).str.len_bytes() < _LITTLE).filter(
        ~pl.col(stage).str.contains(r"\p{N}"), _ends_framed(pl.col(stage))
    )
    framed = pl.col(stage).str.count_matches(_FRAMED) >= _FRAMED_SHARE * (
        pl.col(stage).str.count_matches(" ", literal=True) + 1
    )
    rows = rows.filter(framed)
    rows = rows.with_columns(_listed(stage).alias("said")).filter(pl.col("said").list.len() >= 5)
    own = pl.col("said").list.eval(pl.element().filter(~pl.element().is_in(_FRAME.split())))
    rows = rows.filter(own.list.set_difference(_listed("question")).list.len() == 0)
    return findings(rows, _EMPTY_TALK, stage, pl.col(stage))


def _ends_framed(said: pl.Expr) -> pl.Expr:
    """Tell whether the last word is the frame's, or may be the question's: cheap, and of most stages neither is."""
    last = said.str.extract(r"(\w+)\W*$").str.to_lowercase()
    return said.str.contains(_FRAMED_END) | holds(pl.col("question").str.to_lowercase(), last).fill_null(value=True)


def _listed(column: str) -> pl.Expr:
    return words(pl.col(column)).str.strip_chars(" ").str.split(" ")
