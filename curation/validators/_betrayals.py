"""Families of phrases in which a writer betrays that the answer was there before the reasoning.

Each is made of classes of words, not of sentences seen: who knows the answer (a key, a data set, an annotator), what
is done with it (it is given, recorded, to be justified), and what it does itself (it tells, it must come out). That an
answer is right, and that one looks for it, everybody says: `the correct answer is B` is no betrayal, `if the correct
answer is B` and `the correct answer indicates` are. Left out is what figures, maps and liquids have too: the expected
value, what the key of a map says, the given solution, a corner that is marked as right.
"""

from curation.validators._spotting import pattern

_ANSWER = r"(?:answer|response|solution|conclusion|verdict)"
_RIGHT = r"(?:correct|right|true|actual|proper|final|exact|accepted|official|expected)"
_SURE = r"(?:correct|right|true|proper|accepted|official|expected)"
_CHOICE = r"(?:answer|response|solution|option|choice|conclusion|label)"
_SOURCED = (
    r"(?:(?:user|pre|task|system|dataset|human|teacher)-\w+|given|provided|supplied|standard|reference|gold(?:en)?|"
    r"official|known|expected|intended|accepted|confirmed|required|stated|marked|recorded|approved|authoritative|"
    r"validated|certified|assigned|attached|accompanying|predetermined|predefined|preset|prescribed|target|desired|"
    r"requested|wanted|agreed|established|verified|annotated|designated|specified|listed|received|stored|"
    r"registered|published|ground[- ]truth|labell?ed|model|supposed|alleged|purported|so-called|claimed|prior)"
)
_KEPT = (
    r"(?:set|fixed|given|revealed|marked|recorded|listed|registered|decided|agreed|settled|specified|flagged|"
    r"designated|entered|stored|tagged|disclosed|supplied|provided|handed|announced|told|stated|filed|known|published|"
    r"leaked|attached|predetermined|established)"
)
_MEANS = (
    r"(?:indicates?|implies|implied|tells?|told|says?|said|states?|suggests?|points? (?:to|at|towards?)|assumes?|"
    r"demands?|dictates?|confirms?|counts|accounts for|leaves no|overlooks?|ignores?|wants?|reveals?|hints?|has it|"
    r"insists?|claims?|presupposes?|makes clear|gives away|forces|seems to (?:assume|overlook|ignore|count|want|mean))"
)
_SOURCE = (
    r"(?:data ?set|metadata|annotators?|labell?ers?|graders?|examiners?|answer (?:sheet|key|file)|marking scheme|"
    r"solution (?:sheet|manual|key)|ground[- ]truth|gold standard|question (?:setter|writer)s?|task description|prompt|"
    r"official key)"
)
_HOLDS = (
    r"(?:says?|said|lists?|listed|has|have|had|gives?|gave|wants?|wanted|calls?|called|regards?|considers?|reveals?|"
    r"revealed|records?|meant|means|expects?|expected|states?|stated|marks?|marked|holds?|names?|named|claims?|"
    r"insists?|provides?|provided|contains?|written|wrote|writes|specif\w+|indicates?|agrees?|chose|chosen|picked|"
    r"confirms?|labels?|tells?|told|demands?|prefers?|accepts?)"
)
_BENT = (
    r"(?:justify|motivate|vindicate|defend|pretend|"
    r"rationali[sz]e (?:why|how|(?:the|this|that) (?:\w+ )?(?:answer|choice|conclusion))|"
    r"treat [^.!?\n]{1,30} as|make [^.!?\n]{1,30} (?:look|seem|sound|appear)|"
    r"support (?:the|this|that) (?:\w+ )?(?:answer|conclusion|choice)|argue (?:for|towards?)|steer (?:to|towards?))"
)
"""What is done with a conclusion that one has already."""
_ARGUMENT = r"(?:reasoning|explanation|argument|steps?|story|chain|derivation|trace|write-up|justification)"
_MATCHES = (
    r"(?:match\w*|fits?|meets?|satisf\w+|equals?|agree\w*(?: \w+)? with|lin(?:es?|ing|ed) up with|checks? out against|"
    r"aligns?(?: \w+)? with|"
    r"correspond\w* (?:to|with)|conform\w* (?:to|with)|in (?:line|keeping|agreement|accordance|harmony) with|"
    r"tall(?:y|ies) with|squares? with|consistent with|compatible with|coincid\w+ with|accords? with|"
    r"compar\w+ (?:to|with|against)|check\w* (?:with|against)|verif\w+ (?:with|against)|confirmed by|"
    r"same as|identical (?:to|with)|faithful to|true to|aligned with|differs? from|deviat\w+ from|"
    r"contradicts?|reproduces?|according to|as per|per|based on|dictated by|validated by|supported by|judging by|"
    r"going by|guided by|led by)"
)
_IS_RIGHT = (
    r"(?:correct|true|(?:the )?right (?:answer|option|choice|label|conclusion)|"
    r"(?:\w+ )?(?:answer|conclusion)|(?:its|the) solution)"
)

_OWNED = (
    rf"\b{_SOURCED} (?:{_RIGHT} )?(?:answer|response|verdict)s?(?: (?:choices?|options?|letters?|formats?|types?))?\b",
    r"\b(?:standard|reference|gold(?:en)?|official|intended|accepted|predetermined|target|desired|model|required|"
    rf"prescribed|confirmed|requested) (?:{_RIGHT} )?(?:solution|conclusion|label|key)s?\b",
    r"\b(?:expected|intended|predetermined|official|desired|prescribed|accepted|target|stipulated) (?:choice|option)"
    r"(?: (?:is|was|of|being|that)\b|[,.;:])",
    r"\b(?:predetermined|prescribed|stipulated|preset) (?:result|value|reading|count|figure|outcome)\b",
    r"\b(?:provided|given|supplied|stated) (?:solution|conclusion|label|result|outcome),? (?:which |that )?"
    r"(?:is|was|of|says?|states?|gives?|reads|being|indicates?)\b",
)
"""The accepted answer, the user-provided response: somebody's."""
_PREMISE = (
    r"\b(?:if|since|because|assuming|given|knowing|with|considering|seeing|granted|taking|accepting|recalling|"
    rf"remembering|supposing|presuming|from|by)(?: that)? the (?:{_SURE} ){{1,2}}(?:answer|response|solution|option|"
    r"choice|conclusion)\b(?: (?:is|was) (?:not|either|one|a)\b)?",
    r"\b(?:from|with|by|given|considering|knowing|using|according to|based on|judging by|looking at|starting from|"
    r"working from|guided by|in view of|in (?:the )?light of|thanks to|as per|per) (?:the|this|that|our|its) "
    rf"(?:{_RIGHT} )?(?:answer|conclusion|verdict)(?: first| in mind| at hand| itself|[,.;:]|$)",
    rf"\b(?:with|given|considering) the {_SURE} (?:answer|response|solution) (?:first|in mind|at hand)\b",
    rf"\bwith (?:the |this |that )?[^.!?\n]{{1,30}} as the (?:{_RIGHT}|given|known|standard) (?:answer|option|"
    rf"choice)\b",
    r"\b(?:given|taking|accepting|assuming|with|treat\w*) [^.!?\n]{1,40} as (?:the )?(?:ground[- ]truth|gold|truth|"
    r"true|"
    r"settled)\b",
    r"\bassuming the (?:\w+ )?(?:answer|conclusion)\b|\bfor the (?:\w+ )?answer(?: [^.!?\n]{1,40})? to (?:be|hold|"
    r"work|come|make|stand|fit)\b",
    rf"\b(?:to|must) (?:produce|reach|obtain|yield|recover|reproduce|hit|match) the (?:{_SURE}|{_SOURCED}) "
    r"(?:answer|response|solution|conclusion)(?: [^\s.!?]+){0,4},",
)
"""The answer as what one begins with."""
_ACTING = (
    r"\b(?:the|this|that|what the) (?:(?:answer|verdict)|(?:\w+ )?"
    rf"(?:{_SURE}|{_SOURCED}) (?:answer|response|solution|conclusion)) (?:itself |already |then |also |here )?"
    rf"{_MEANS}\b",
    rf"\b(?:correct|right|true|official|reference|expected) (?:option|choice|one),? {_MEANS}\b",
    r"\bthe answer that (?:counts|matters|is wanted|I have|we have|I had|we had)\b",
)
"""The answer that tells something: it was there before."""
_FIXED = (
    rf"\b{_SURE} {_CHOICE}(?: [^.!?\n]{{1,24}})? (?:(?:has|have|had) (?:already |been |now |just )+|(?:was|were|is|"
    rf"are) "
    rf"(?:already |then |also |now )*){_KEPT}\b(?: (?:by|in|on|from|with|at) [^.!?\n]{{0,24}})?",
    r"\b(?:answer|solution|conclusion|correct \w+)\b[^.!?\n]{0,50} (?:beforehand|in advance|ahead of time|up ?front|on "
    r"file|on record|on hand|from the (?:start|outset|beginning))\b",
    r"\b(?:beforehand|in advance|ahead of time|from the (?:start|outset|beginning)|up ?front)(?: that)? [^.!?\n]{0,50}"
    r"\b(?:answer|solution|correct|conclusion|is right)\b",
    r"\b(?:marks?|marked|regards?|treats?|treated|lists?|listed|names?|records?|recorded|calls?|called|labels?|fixed|"
    r"labell?ed|flags?|flagged|designates?|designated|specif\w+|provid\w+|suppl\w+|registered|entered|stored|tagged|"
    rf"handed)(?: [^.!?\n]{{1,40}})? as (?:the |its |being |our )?{_IS_RIGHT}\b",
    r"\b(?:it|this|that) (?:is|was|has been|had been) (?:already |also )?(?:given|known|agreed|settled|confirmed|"
    r"stated|"
    r"recorded|decided|revealed|disclosed|specified|stipulated|understood)(?: \w+)? that [^.!?\n]{1,40}"
    r" (?:is|was|should be|must be) (?:correct|right(?:[.,;]|$)|the (?:\w+ )?(?:answer|solution))",
    rf"\b(?:truth|answer|solution|correct \w+),? as (?:\w+ )?{_KEPT}\b|\bas (?:we|you|I) (?:all |already )?(?:know|"
    rf"knew),",
    rf"\b(?:the|this|that) (?:\w+ )?(?:answer|response|conclusion|verdict)(?:,? (?:which|that))? (?:was|is|has been|"
    rf"had "
    rf"been) (?:already |also |all along )?{_KEPT}\b(?: (?:by|in|on|from|with|at) [^.!?\n]{{0,24}})?",
    r"\b(?:answer|label|solution|result) (?:for|of|to) (?:this|the) (?:\w+ )?(?:example|question|item|sample|image|"
    r"picture|"
    r"problem|exercise) (?:is|was) (?:already )?(?:known|given|provided|fixed|set|available)\b",
    r"\b(?:the one|one|what) (?:that |which )?(?:was|is) (?:expected|wanted|required|intended|supplied|handed)\b",
    rf"\b(?:the )?(?:{_ANSWER}|correct \w+|right \w+) (?:was |is |has been |"
    rf"had been )?{_KEPT} (?:as [^.!?\n]{{1,30}} )?"
    r"by the (?:person|one|user|people|teacher|team|asker|annotator|examiner|setter)\w*\b",
)
"""The answer that somebody has settled."""
_HEARD = (
    r"\b(?:I|we) (?:was|were|am|are|have been|had been|'ve been|'m|'re) (?:also |already |just |only |explicitly )*"
    r"(?:told|instructed|asked|supposed|required|expected|meant|obliged|forced|bound) to (?:justify|support|"
    r"defend|explain why|treat|accept|reach|end|conclude|match|produce|make|motivate|present|keep|avoid|not)\b",
    r"\b(?:without being|if I had not been|had I not been|after being|being) (?:told|informed|given the)\b",
    r"\b(?:confirmed|supported|implied|suggested|indicated|explained|revealed|backed|shown|"
    r"justified) by the (?:\w+ )?(?:answer|"
    r"conclusion|correct \w+|verdict)(?: |[.,;:]|$)",
    rf"\b(?:having|had) been (?:told|informed|handed)\b|\bhaving been (?:shown|given) (?:that|the answer)\b|"
    rf"\b{_CHOICE} "
    r"(?:that |which )?(?:I|we) (?:(?:have|had|was|were|am|are|been|'ve|already) ){0,3}(?:received|supposed|asked|told|"
    r"looking to (?:justify|support)|meant|expected|required|instructed|aiming|heading)\b",
    r"\b(?:answer|response|conclusion) (?:that |which )(?:was |is |were |has been |had been )?(?:supplied|handed|sent|"
    r"attached|accompan\w+|comes? with|came with|belongs to|received|prescribed|required|wanted|recorded|stored)\b",
    r"\b(?:I|we) (?:was|were|have been|had been|'ve been) (?:handed|supplied with|provided with \S+ and|told|informed)"
    r"\b",
)
_BENDING = (
    r"\b(?:I|we|my|our|me|us)\b[^.!?\n]{0,20} (?:have|has|had|need|needs|must|should|am|are|was|were|asked|told|"
    rf"supposed|expected|required|meant|is|role is|job is|task is|goal is|aim is)(?: only| just|"
    rf" now)?(?: to)? {_BENT}\b",
    r"\bpretend\w* (?:not )?(?:to )?(?:not )?(?:to )?(?:know|derive|find|discover|reason|work)\b|"
    r"\breverse[- ]engineer\w*",
    r"\b(?:so that|in order that|to make sure that|to ensure that|such that|ensuring that|making sure that) (?:the|my|"
    rf"our|this) (?:{_ARGUMENT}|count|result|conclusion|answer) (?:ends?|leads?|reach\w*|arrives?|match\w*|agrees?|"
    r"comes? out|supports?|fits?|lands?|is consistent)\b",
    r"\b(?:build|built|building|construct\w*|arrang\w+|tailor\w*|craft\w*|bend\w*|steer\w*|shap\w+) (?:the|my|"
    rf"our|this|an) (?:\w+ )?{_ARGUMENT}\b",
    rf"\b(?:response|output|reply|{_ARGUMENT}) (?:is|was|has|had|must|should|needs?|ought)(?: to)?(?: be)? (?:required "
    r"|supposed |expected |meant |made |forced )?(?:to )?(?:end|lead|match|finish|arrive|conclude|agree|justify)\b",
    r"\bknowing (?:where|what|how) (?:we|I|it|the \w+) (?:have|has|must|should|need|will|is|are)(?: to)? (?:end|come "
    r"out|arrive|conclude|get|reach|lead|be)\b",
    r"\b(?:without|avoid\w*|not|never|n't) (?:\w+ ){0,2}(?:reveal\w*|giv\w+ away|disclos\w+|betray\w*|letting on|"
    r"let on|let slip|spoil\w*) (?:\w+ ){0,3}(?:answer|solution|result|conclusion)\b",
)
"""Steps that are made for what has to come out."""
_AUTHORITY = (
    r"\b(?:the|this|that|an?|its|our|my) (?:human |official |original )?(?:metadata|annotators?|labell?ers?|graders?|"
    r"ground[- ]truth|gold standard|question (?:setter|writer)s?|answer (?:sheet|file|key)|solution (?:sheet|manual|"
    r"key)"
    rf"|prompt) (?:already |itself |clearly |also |has |have |had )?{_HOLDS}\b",
    r"\b(?:what|as|because|since) the (?:reference|task|examiner|teacher|user) (?:already |itself |clearly )?(?:says?|"
    r"states?|wants|calls|expects|gives|lists|has as|specifies|accepts)\b",
    rf"\b(?:data ?set|task|question|system|record|benchmark|exercise) (?:already |itself |clearly |also |has |have )?"
    rf"{_HOLDS}\b[^.!?\n]{{0,40}} (?:as (?:the |its )|the |its )(?:{_RIGHT} )?(?:answer|solution|correct \w+)\b",
    r"\b(?:annotator|instructor|teacher|examiner|grader|data ?set|prompt|user|question setter|labell?er)s?'s? "
    rf"(?:{_RIGHT} |own |{_SOURCED} )*(?:answer|solution|label|verdict|choice|response|key|annotation)\b",
    rf"\bquestion's (?:{_RIGHT}|{_SOURCED}) (?:answer|solution)\b",
    rf"\b(?:answer|solution|verdict|response|{_SURE} \w+)s?,? (?:in|of|from|by|per|within|according to|as per) (?:the|"
    rf"this|that|its|our) (?:\w+ )?(?:{_SOURCE}|data|annotations?|key)\b",
    rf"\b(?:label|option|choice)s? (?:of|from|by|per|according to|as per) the {_SOURCE}\b",
    rf"\b(?:in|of|from|by|per|as per|with|against|to|according to|within) the (?:\w+ )?{_SOURCE},? (?:\w+ ){{0,3}}"
    rf"(?:{_SURE} (?:answer|option|choice|solution|label)|(?:the|its) answer)\b",
    rf"\b{_MATCHES}(?: \w+){{0,2}} (?:the|this|that|what|an?) (?:\w+ ){{0,2}}(?:reference|official key|answer key|"
    r"(?:solution|answer) sheet|annotators?|ground[- ]truth|gold standard|prompt|question setter\w*|graders?|"
    r"marking scheme|expected (?:outcome|response)|task (?:calls|says|states|wants|gives|expects))(?:[.,;:]|$| (?:of|"
    r"on|"
    r"is|was|says?|that|calls|states|wants|gives|expects|value|for|in)\b)",
    rf"\b{_MATCHES}(?: \w+){{0,2}} (?:what|the (?:one|response|answer|solution|result|label)(?: that| which)?) (?:we|I|"
    rf"was|is|has|had|they|you)(?: already| been)? (?:know|knew|{_KEPT}|wanted|received)\b",
    r"\b(?:double[- ]check\w*|check\w*|verif\w+)(?: \w+){0,2} (?:with|against) the (?:answer )?key\b",
    r"\b(?:because|since) the key (?:says|lists|gives|has|states)\b|\bthe key (?:says so|tells|told|wants|demands)\b",
)
"""Somebody who must know."""
_OVERRULED = (
    r"\bmy (?:own )?(?:\w+ )?(?:calculation|count|reading|result|estimate|eyes?|impression|"
    r"computation)\b[^.!?\n]{0,40} "
    r"(?:otherwise|something else|differently|a different \w+|another \w+|differs?|disagrees?)\b",
    r"\bI (?:would|might) have (?:said|chosen|picked|answered|guessed|concluded|counted|read)\b[^.!?\n]{0,30}, ",
    r"\bI (?:will |shall |'ll |must |have to |would )?(?:simply |just |still |nevertheless )?(?:go along with|defer to|"
    r"settle for|fall in with|yield to|bow to|take it on trust|take their word)\b",
    r"\b(?:no matter what|regardless of what|whatever|even though|although) the (?:picture|image|chart|scene|photo)"
    r"[^.!?\n]{0,30}\b(?:answer|solution|conclusion|correct|official)\b",
)
"""One's own result, given up for another."""
_RULES = (
    r"\bmy (?:brief|orders|mandate|guidelines|assignment|instructions) (?:says?|is|are|was|were|requires?|demands?|"
    r"asks?|wants?|tells?|forbids?|limits?)\b",
    r"\b(?:comply|complying|conform|adher\w+|stick\w*|in keeping) (?:with|to) (?:the|these|those|my|"
    r"your) (?:\w+ )?(?:format|"
    r"rules|guidelines|instructions|template|requirements)\b|\bpart of the (?:input|prompt|instructions)\b",
    r"\b(?:prescribed|requested|required|mandated|demanded) (?:sections?|stages?|tags?|format|structure|template|"
    r"headings)\b",
)
_FAMILIES = (_OWNED, _PREMISE, _ACTING, _FIXED, _HEARD, _BENDING, _AUTHORITY, _OVERRULED, _RULES)
BETRAYALS = tuple(pattern(*family) for family in _FAMILIES)
"""Patterns of what a writer says who knew the answer before: one for all would be too large for the engine's cache."""
HARMLESS = pattern(
    r"(?:answers?|conclusions?) (?:choices?|options?|letters?|formats?|types?)$",
    r"(?:answers|conclusions|responses|options|labels)$| (?:is|was) (?:not|either|one|a)$|^no ",
    r" (?:by|in|on|from|with|at|to) (?:the|this|each|its|a|an|that|both|all) ?(?:\w+ )?(?:image|picture|chart|graph|"
    r"table|figure|diagram|document|text|passage|photo|map|legend|caption|letter|form|scene|header|page|title|bar|axis|"
    r"difference|sum|context|number|formula|line|row|column|sentence|paragraph|section|footer|corner)",
)
"""What is given in the image, or as a choice."""
_MENTION = r"(?:[^\s.!?;]+ ){0,5}"
"""Words before what is looked for, in its sentence."""
_AFTER = r"(?: [^\s.!?;]+){0,4}"
MENTIONS = pattern(
    rf"{_MENTION}\banswers?\b{_AFTER}",
    rf"{_MENTION}\b(?:correct|right|true|official|actual|final|real) (?:solution|response|label|"
    rf"option|choice|conclusion|verdict|outcome|result)s?\b{_AFTER}",
    r"\b(?:ground[- ]truth|metadata|gold(?:en)? (?:standard|response)|rationale|annotators?|reference (?:result|"
    r"response|"
    r"solution|one|label))\b",
    r"\b(?:you|they|the user|users) (?:have |had |'ve |already |also )*(?:told|gave|mentioned|supplied|shared|"
    r"specified|informed|disclosed)\b(?: me| us| it| to be| that| the)?",
    r"\b(?:told|given|shared|disclosed|handed|pointed out|revealed|supplied|communicated|mentioned|made known|known|"
    r"available|sent|confirmed) (?:to|with) (?:me|us)\b",
    r"\b(?:look\w*|search\w*) for (?:clues|reasons|evidence|support|something)[^.!?\n]{0,12}(?:support\w*|why|"
    r"that (?:it|"
    r"would)|for (?:this|that|it))\b",
)
"""Each mention of an answer with a few words around it, and of what else there is about one."""
_SEEKING = (
    r"(?:find\w*|give\w*|giving|get\w*|know|determin\w+|reach\w*|need\w*|see\w*|yields?|leads? (?:us )?to|"
    r"arriv\w+ at|deduc\w+|deriv\w+|verif\w+|check\w*|obtain\w*|choos\w+|pick\w*|select\w*|work\w* out|look\w* for|"
    r"looked "
    r"up|tell|read|comput\w+|calculat\w+|conclud\w+|identif\w+|decid\w+|infer\w*|suggest\w*|produc\w+|state|have|mark|"
    r"not|to be|is|are|be|as|becomes?|remains|makes?|confirm\w*|support\w*|eliminat\w+|rule out|narrow\w*|locat\w+|"
    r"got|found|provide|providing|asks for)"
)
_LICENCE = (
    r"(?:^|\n|[,:—–(] ?|\b(?:so|thus|hence|therefore|consequently|then|and|but|or|finally|while|here|question|means|"
    r"conclu\w+|"
    r"follows|shows?|showing|suggests?|see|implies|infer\w*|indicat\w+|clear|determin\w+|deduc\w+|say|confirms?|"
    r"evident|"
    r"obvious|find|tells us|makes|making|case|where|which),? (?:that )?)"
)
"""What may stand before `the answer is`: a word that draws a conclusion, not one that presupposes it."""
_NAMED = (
    r"(?:the|an?|our|my|its|one|this) (?:(?:most|final|correct) )?(?:\w+ )?(?:answer|option|choice|solution|conclusion|"
    r"response|result|outcome|label|verdict)(?: letter)?(?: to (?:the|this|our|that|your) (?:\w+ )?(?:question|problem|"
    r"puzzle|blank)| here| for (?:the|this) question)?"
)
PERMITTED = pattern(
    r"\banswers? (?:choices?|options?|candidates?|possibilit\w+|spaces?|box(?:es)?|lines?|formats?)\b|\banswer [“\"']|"
    r"\banswer (?:\w+ )?questions?\b|\bcan (?:\w+ )?answer\b|\b(?:cannot|can't|to) (?:\w+ )?answer (?:if|whether)\b",
    r"^(?:(?:final|my|our) )?answer$",
    r"\banswer (?:the|this|these|and|using|with|in|yes|no)\b",
    r"\b(?:options|choices|labels|results|outcomes|solutions|responses|answers)\b",
    r"\banswer (?:[a-h])\b|\b(?:short|no|any|each|every|first|second|third|last|other|possible|question and) answer\b",
    r"\b(?:to|can|could|will|would|must|should|may|helps?|and|we|I|which|that|it|question|questions|be|is|are|not|"
    r"thus|therefore|then) (?:be |then |now )?answer(?:s|ed|ing)?\b(?: (?:the|this|that|it|what|how|which|who|where|"
    r"why|"
    r"when|whether|a|these|each|both|all|any|from|by|with|yes|no|directly|as)\b|$|[,:“\"])",
    rf"{_LICENCE}{_NAMED},?(?: \w+,)?(?: therefore| then| thus| so| also| must| would| should| could| can| will| may|"
    rf" might| would still| has to| needs to| turns out to| appears to| seems to| cannot| does not)? (?:is|are|was|be|"
    rf"lies?|depends?|"
    r"comes? (?:from|out)|follows?|becomes?|among|from|in|by|and|if|because|since|that (?:fits|matches|best|is|makes|"
    r"describes|agrees)|change)\b",
    rf"{_LICENCE}{_NAMED},? ?[:=]|{_LICENCE}{_NAMED}$",
    rf"\b{_SEEKING} (?:\w+ )?(?:the|an?|our|this|my|which|its|to be|one) (?:\w+ )?(?:\w+ )?(?:answer|option|choice|"
    r"solution|conclusion|response|result|outcome|label)\b",
    r"\bin answer to\b|\bis (?:the )?(?:\w+ )?answer\b",
)
"""How one speaks of an answer that is still to be found."""
TARGET = "@@"
"""What stands for the target in a text whose words stand between single blanks."""
_OFFICES = (
    r"(?:task|prompt|grader|graders|examiner|data ?set|dataset s|annotation|annotations|annotator|"
    r"annotators|metadata|asker|rationale|justification|truth|verdict|supplied|handed|"
    r"beforehand|requested|instructed|challenge is to|granted|disclosed|agreed)"
)
_NEAR = r"(?: \S+){0,4}"
TARGET_HANDED = (
    rf" (?:{_OFFICES}{_NEAR} {TARGET}|{TARGET}{_NEAR} {_OFFICES}) "
    rf"| (?:for|with|accept\w*|treat\w*|presum\w*|marked|marks|consider\w*|regard\w*|calls?|lists?) {TARGET} (?:to be|"
    rf"as|is) "
    r"(?:the )?(?:right|correct|true|answer|label|solution) "
    rf"| (?:explain|explaining|justify|justifying|motivate|rationali[sz]e|defend|support|supporting) (?:how |why |"
    rf"that )?(?:the )?"
    rf"(?:choice |answer |label |result |conclusion |value )?(?:of )?{TARGET} "
    rf"| (?:makes?|making|renders?|keeps?) {TARGET} (?:the )?(?:right|correct|true) "
    rf"| (?:to|must|should) (?:end (?:up )?(?:with|in|at|on)|finish (?:with|at|on)|land on|come out at) {TARGET} "
    rf"| (?:work\w*|aim\w*|head\w*|steer\w*|build\w*|reason\w*) (?:back )?(?:towards?|for|backwards from|"
    rf"around) {TARGET} "
    rf"| why (?:would|should|must|is|could) (?:\S+ ){{0,3}}{TARGET} (?:be |would be |is |to be )?(?:right|correct|"
    rf"true) "
    rf"| (?:known|given|expected|hidden|wanted|desired|official|target) (?:result|value|answer|label|outcome|figure)"
    rf" (?:is |of )?{TARGET} "
    rf"| (?:has|have|had|needs?) to (?:read|say|come out as|end (?:up )?(?:in|at|as|with)) {TARGET} "
    rf"| (?:what|which|that) (?:they|you|the user) (?:wants?|expects?|asked for|gave|said){_NEAR} {TARGET} "
    rf"| (?:they|you) (?:say|said|tell|told|want){_NEAR} {TARGET} "
    rf"| answer (?:column|field|file|line|slot|entry|box){_NEAR} {TARGET} "
    rf"| (?:evaluator|judge|marker|checker|setter|tester|question writer|question author) (?:\S+ ){{0,2}}"
    rf"(?:expects?|wants?|considers?|accepts?|has|says?|gave|gives?){_NEAR} {TARGET} "
    rf"| (?:problem|exercise|item|record|entry|file|sheet) (?:\S+ ){{0,2}}(?:tells?|told|reveals?|"
    rf"gives away){_NEAR} {TARGET} "
    rf"| (?:considers?|considered|deems?|deemed|holds|believes?|thinks?) {TARGET} (?:to be |as )?(?:right|correct|"
    rf"true) "
    rf"| (?:steps?|reasoning|explanation|argument|path|chain|story|derivation|route){_NEAR} (?:leads?|leading|to|"
    rf"towards?|ends?"
    rf"|ending) (?:to |in |at |up )?{TARGET} "
    rf"| (?:supposed|expected|meant|required|asked|told|want|wanted|need|bound) to (?:\S+ )?(?:get|reach|obtain|"
    rf"conclude|say|"
    rf"write|show|justify|output|produce|arrive at|end up with)(?: that)?{_NEAR} {TARGET} "
    rf"| (?:back|backtracking|backwards|reasoning backwards|knowing|aware) (?:from |of |the |outcome |result |that |"
    rf"it |is )*"
    rf"{TARGET} "
    rf"| solution (?:\S+ ){{0,4}}(?:says|states|has|lists|reads|claims|gives|marks) {TARGET} "
    rf"| (?:sample|item|true|gold|image|picture|correct|assigned|stored)(?: s)? labels? (?:is |as |of )?{TARGET} "
    rf"| if the (?:key|annotation|label|solution) is (?:right|correct|true|to be trusted|trusted){_NEAR} {TARGET} "
)
"""Pattern of a target that is spoken of as something handed out, in a text whose words stand between blanks."""
HANDING = pattern(
    r"\b(?:tasks?|prompt|graders?|examiner|evaluator|judge|marker|checker|setter|data ?set|annotat\w+|metadata|asker|"
    r"rationale|justif\w+|truth|verdict|supplied|handed|beforehand|requested|instructed|challenge|granted|disclosed|"
    r"agreed|"
    r"right|correct|true|explain\w*|motivate|rationali[sz]e|towards?|around|back\w*|known|given|expect\w*|wants?|"
    r"wanted|"
    r"desired|official|target|answer|read|they|you|the user|end|tells?|told|reveals?|consider\w*|deem\w*|believes?|"
    r"thinks?|"
    r"steps?|reasoning|explanation|argument|path|chain|story|supposed|meant|need|knowing|aware|labels?|solution)\b"
)
"""What none of these is told without, as the text writes it."""
