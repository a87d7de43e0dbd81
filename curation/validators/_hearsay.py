"""Phrases in which an answer comes from outside the image: a book, a key, a file, or somebody who set the question.

As in `_betrayals`, each is made of classes of words. Pages, rows, notes and cards are left out, as pictures show such,
but for those that hold answers.
"""

from curation.validators._betrayals import TARGET
from curation.validators._spotting import pattern

_ANSWER = r"(?:answer|solution|result|outcome|reply|conclusion|verdict)"
_SETTER = r"(?:examiners?|markers?|checkers?|setters?|graders?|labell?ers?|annotators?|quiz ?master|publisher|teacher)"
_MADE = r"(?:set|made|wrote|labell?ed|annotated|drew up|marked|prepared|designed)"
_HIDE = r"(?:say|saying|tell|telling|mention|mentioning|name|naming|reveal|revealing|admit|admitting|show|showing)"

HEARSAY = pattern(
    r"\b(?:I|we) (?:have |had |was |were )?(?:peek\w*|let (?:in on|into))\b|"
    r"\bslipped to (?:me|us)\b|\bpre-?filled\b|"
    rf"\b(?:no secret to (?:me|us)|{_ANSWER} is no secret)\b",
    rf"\b(?:had|have|having|hold|held) the (?:\w+ )?{_ANSWER} (?:all along|already|from the|in (?:my )?hands?)\b|"
    rf"\b(?:as|since|because) I (?:already )?(?:know|knew|have) the {_ANSWER}\b|\b(?:knowing|with) the {_ANSWER}"
    r"(?: known)?,",
    r"\bbrief (?:wants|asks|says|demands|requires|calls)\b|\bmy (?:orders|assignment|brief) (?:is|are) to\b|"
    r"\b(?:rules|format|guidelines) (?:that )?(?:I was|I am|I have been|we were|was|were) (?:given|set)\b|"
    r"\bI (?:have been|was|am) asked to (?:keep|solve|split|leave|put)\b",
    rf"\b(?:keeps?|kept|forbids?|prevents?|stops?|bars?|allows?|lets?)(?: not)? me (?:from |to )?{_HIDE}\b|"
    rf"\b(?:not|never) (?:to )?{_HIDE} (?:where|how|that) (?:I|this|it|"
    r"the \w+)\b|\bnobody (?:should|must|may) notice\b",
    r"\bpretend (?:that )?(?:I|we) (?:read|found|see|saw|derived?|counted|knew|did)\b|"
    r"\b(?:I|we) (?:am|are) to (?:explain|justify|show|argue|account for) (?:why|how|that)\b",
    r"\b(?:same as|equals?|matches|fits) the (?:one|value|label|entry) (?:in|on) the (?:data|key|file|solutions?|"
    r"answer \w+)\b|\bas the key (?:does|has it|wants)\b|\bgo (?:with|by) the key\b|\bjudging by the key\b",
    r"\b(?:known|clear|evident|obvious|seen) from the annotations?\b|\bannotations? settles?\b",
    r"\bthe official (?:count|number|total|reading|figure|tally) (?:must|"
    r"has to|seems|should|includes?|counts?|leaves|"
    r"excludes?|takes?)\b",
    rf"\b(?:presumably|perhaps|maybe|so|probably) the {_SETTER} (?:\w+ )?(?:counted|took|saw|meant|read|thought)\b|"
    rf"\b(?:whoever|those who|(?:person|people|one) who) (?:\w+ )?{_MADE} (?:this|it|the (?:question|task|item))\b",
    r"\bas was (?:revealed|disclosed|told|made known|given away) to (?:me|us)\b|"
    rf"\b(?:right|correct|true) (?:reply|option|choice|one|{_ANSWER}) (?:was|is|has been) (?:told|known|revealed)\b",
    rf"\b(?:the|its|this) {_ANSWER} tells (?:me|us) to\b|\bthanks to the solutions?\b|\b(?:cheat|crib) sheet\b|"
    r"\banswer (?:card|slot)\b|\b(?:back of the book|solutions? page)\b|\b(?:correct|accepted|ideal) reply\b",
    r"\bwhat counts as correct\b|\bfull marks\b|\banything else is (?:\w+ )?wrong\b|\bin front of me\b|"
    r"\b(?:answer|solution) (?:that )?(?:the|this) (?:task|question) had in store\b|\bideal answer\b|"
    r"\bwas answered before\b|\btext (?:that )?I (?:got|was (?:given|sent))\b|\bhint in the (?:input|text|task)\b",
)
"""Talk of what was heard, not seen."""
_NEAR = r"(?: \S+){0,4}"
_OBLIGED = (
    r"(?:must|has to|have to|had better|supposed to|meant to|need to|"
    r"needs to|bound to|orders are to|assignment is to)"
)
_ARRIVES = (
    r"(?:comes? to|come out at|finish (?:with|at|on)|end (?:up )?(?:at|in|with|on|as)|arrives? at|gets? to|land on|"
    r"reach)"
)
TARGET_HEARD = (
    r" i (?:already )?(?:know|knew) (?:that )?(?:it (?:is|was|"
    rf"would be) )?{TARGET} (?:is |was )?(?:correct|right|before|all) "
    rf"| i (?:already (?:have|had|hold|knew|know)|received|have been handed|was (?:sent|handed)){_NEAR} {TARGET} "
    rf"| {TARGET} (?:\S+ ){{0,5}}(?:before i (?:looked|began|started|saw|"
    r"read)|i was let in|in the (?:solutions?|key|input"
    r"|database|text i got)|on record|is what is (?:wanted|expected|accepted)) "
    r"| (?:with|behind|besides|along with) (?:the|this) (?:question|picture|"
    rf"image|task) (?:\S+ ){{0,3}}(?:i received|i got|"
    rf"stands|came|says|answer){_NEAR} {TARGET} "
    rf"| {TARGET} (?:could|can|might) be made to "
    rf"| (?:grounds|reasons?|excuses?|support) for {TARGET} |"
    rf" make sense of {TARGET} | to (?:defend|vindicate) {TARGET} "
    r"| (?:story|route|tale|argument|excuse) (?:that |"
    r"which )?(?:\S+ )?(?:ends?|ending|finish\w*|lands?) (?:with|in|at|on)"
    rf" {TARGET} "
    rf"| how (?:one|to|i|you) {_ARRIVES} {TARGET} | where (?:this|it|"
    rf"i) (?:must|has to|have to) (?:end|go|arrive) {TARGET} "
    rf"| {_OBLIGED} (?:\S+ )?{_ARRIVES} {TARGET} | to end up (?:at|"
    rf"with) {TARGET} | conclude (?:anything|nothing) but {TARGET} "
    rf"| (?:i|it|one|we) know (?:where|what) (?:this|it) (?:must|has to) (?:end|be){_NEAR} {TARGET} "
    rf"| {_SETTER} (?:s verdict |\S+ ){{0,4}}(?:expects?|wants?|wanted|"
    r"accepts?|accept|marked|prints?|looking for|is) "
    rf"{TARGET} "
    rf"| (?:whoever|those who|(?:person|people|one) who) {_MADE} (?:\S+ ){{1,6}}{TARGET} "
    rf"| they (?:want|wanted|were after|expect)(?: is)? {TARGET} "
    rf"| (?:marks|points|credit) (?:\S+ ){{0,3}}for {TARGET} |"
    rf" {TARGET} is (?:what|the one that) (?:counts|passes|is wanted) "
    rf"| graded as {TARGET} | (?:somebody|someone) (?:already )?(?:filled|put|wrote|typed) (?:in )?{TARGET} "
    r"| (?:back of the book|(?:cheat|crib|answer|solution) (?:sheet|card|"
    r"slot|page)|in the (?:database|input)|row in the data|"
    r"record for (?:this|the) (?:picture|image|item|question)|corrected version|according to the file|labels of "
    r"(?:this|the) (?:collection|set)|attached to the question|told by the sheet|hint in the input)"
    rf"(?: \S+){{0,6}} {TARGET} "
    rf"| (?:text|words) (?:before|above|behind) the question (?:\S+ ){{0,3}}{TARGET} "
    r"| (?:reference|true label|official (?:result|number|count|value|"
    rf"reading|figure)|verdict) (?:is |being |of |was )?{TARGET} "
    rf"| answer (?:that )?(?:i hold|in front of me|was slipped)(?: \S+){{0,4}} {TARGET} "
    rf"| (?:outcome|result|ending) (?:is|was) (?:fixed|settled|set|decided) (?:as|at|to be|on) {TARGET} "
    rf"| (?:whoever|he|she|who) labell?ed this (?:\S+ ){{0,3}}{TARGET} | spoiler (?:it is )?{TARGET} "
)
"""Pattern of a target that was heard of, in a text whose words stand between blanks; every match is under HEARING."""
HEARING = pattern(
    r"\b(?:know|knew|already|received|handed|sent|before|let in|solutions?|key|input|database|record|wanted|expected|"
    r"accepted|behind|besides|along with|with (?:the|this) (?:question|"
    r"picture|image|task)|attached|words above|made to|"
    r"grounds|reasons?|excuses?|support|sense of|defend|vindicate|story|route|"
    r"tale|argument|how (?:one|to|I|you)|where (?:this|it|I)|must|ha[sd] to|"
    r"have to|had better|supposed|meant|needs?|bound|"
    r"orders|assignment|end up|conclude|whoever|those who|who|they|marks|points|credit|counts|passes|graded|somebody|"
    r"someone|book|sheet|card|slot|page|data|version|file|labels?|reference|"
    r"official|verdict|front|hold|slipped|outcome|"
    r"result|ending|spoiler|examiners?|markers?|checkers?|setters?|graders?|"
    r"labell?ers?|annotators?|quiz|publisher|teacher|"
    r"collection|hint)\b"
)
"""What none of these is told without, as the text writes it."""
