"""Phrases in which a writer speaks of an answer that somebody gave, or of instructions.

Each was met in what models wrote, or is near to it; `_betrayals` has what may be said otherwise.
"""

from curation.validators._spotting import pattern

_HELD = (
    r"(?:given|provided|supplied|standard|reference|gold(?:en)?|ground[- ]truth|official|target|known|designated|"
    r"pre-?(?:determined|defined|specified)|specified|stipulated|annotated|labell?ed|prescribed|furnished|model|"
    r"preset|established|recorded|verified|aforementioned|desired|expected|intended|stated|confirmed|true|listed|"
    r"accepted|agreed|requested)"
)
_RIGHT = r"(?:correct|right|true|final|standard|actual|expected|exact|proper|single|accepted|gold)"
_AGREES = (
    r"(?:match|align|agree|accord|conform|compl|coincid|tall(?:y|ies)|reconcil|square|consisten|(?:in|into) (?:line|"
    r"agreement|accordance|keeping|harmony))\w*"
)
_KNOWN = r"(?:correct|right|true|known|expected|desired|intended|required|actual|target|stated|final|requested)"
_CLAIM = r"(?:answer|conclusion|(?:correct|right) (?:option|choice|one|label|value|result))"
_TELLS = r"(?:given|provided|supplied|specified|stated|stipulated|furnished|disclosed|told|communicated|indicated)"
_PROMPT = r"(?:(?:system )?prompt|instructions?|guidelines?|directives?|directions|system message|task description)"
_CHOSEN = (
    r"(?:(?:answer )?(?:choices?|options?|letters?)|formats?|types?|sets?|lists?|categories|ranges?|spaces?|box(?:es)?)"
)

ANSWER_GIVEN = (
    pattern(
        # "the given correct answer", but not "the given answer choices"
        rf"\b{_HELD} (?:{_RIGHT} ){{0,2}}(?:answer|conclusion)s?(?: {_CHOSEN})?\b",
        rf"\b{_HELD} (?:correct|right|true|final) (?:option|choice|label|value|result|solution|output|one)\b",
        r"\b(?:expected|desired|target|reference) (?:output|label|conclusion)s?\b",
        r"\b(?:answer[- ]key|(?:marking|mark) scheme|ground[- ]truth|solution key|gold(?:en)?[- ](?:label|response|"
        r"solution)|"
        r"reference (?:solution|response)|answer (?:label|annotation))s?\b",
    ),
    pattern(
        # "the answer I was told", "the correct option provided to me"
        rf"\b{_CLAIM} (?:that |which )?(?:(?:I|we) )(?:have |had |was |were |am |are |been |already |'ve ){{0,3}}"
        rf"(?:{_TELLS}|shown|handed|got|received|see|saw)\b",
        rf"\b{_CLAIM} (?:that |which )?(?:was |were |is |has been |had been |being |already |"
        rf"is already ){{0,2}}{_TELLS} "
        rf"(?:as|to be|to me|to us|here|above|beforehand|in advance|upfront|up front|(?:in|with|by) (?:the|this|my|"
        rf"your) "
        r"(?:prompt|task|instructions?|question|user|system|input|problem|exercise))\b",
        rf"\b(?:the|this|that) (?:{_RIGHT} )?answer (?:that (?:was|is|has been) )?(?:given|provided|supplied)"
        r"(?:[.,;:)]|$| (?:is|was)\b)",
        rf"\b{_CLAIM} (?:is|was) (?:already )?(?:supposed|meant|said|known|told|claimed|required|stated|"
        rf"specified) to be\b",
        rf"\b{_CLAIM}\b[^.!?\n]{{0,40}}[ ,]as (?:was |already |it was )?(?:{_TELLS}|instructed)(?:[.,;)]|$)",
    ),
    pattern(
        # "this agrees with the right answer", "in line with the answer of 5"
        rf"\b{_AGREES}(?: \w+){{0,2}} (?:the|this|that|your|our|what) (?:{_KNOWN} |{_HELD} ){{1,3}}"
        rf"(?:answer|conclusion|solution|result|response|option|label)s?(?: {_CHOSEN})?\b",
        r"\b(?:match|align|agree|accord|consisten|in (?:line|agreement|accordance))\w*(?: \w+)? the answer"
        r"(?: of\b| being\b|[.,;]|$)",
        r"(?:^|[,.;:] )as (?:was |already )?(?:provided|given|supplied|stated|specified),? (?:the |its )?(?:answer|"
        r"conclusion|"
        r"correct|right|standard)\b",
        rf"\baccording to (?:the|this|that|your|my) (?:{_KNOWN} |{_HELD} ){{0,2}}(?:answer|conclusion)\b",
    ),
    pattern(
        # "knowing that the answer is 5", "we already know the answer"
        rf"\b(?:given|knowing|told|informed|aware|seeing|accepting|assuming)(?: that)? (?:the|this|that) (?:{_RIGHT} )*"
        rf"(?:answer|conclusion)(?: {_CHOSEN}| (?:is|was) (?:not|either|one))?\b",
        rf"\b(?:I|we|you) (?:already )?(?:know|knew)(?: that)? (?:the|this) (?:{_RIGHT} )*answer\b",
        r"\bback(?:wards?)? from (?:the|this|that|our|my|your) (?:\w+ ){0,2}(?:answer|conclusion|option)\b",
        rf"\b(?:since|because|as) (?:the|this) (?:{_KNOWN} |{_HELD} )(?:answer|option|choice) (?:is|was)\b",
        r"\b(?:to|must|should|can|that|which) (?:justify|rationali[sz]e|explain|support|defend|motivate) "
        rf"(?:why )?(?:the|this|that) (?:{_KNOWN} |{_HELD} )*(?:answer|conclusion)\b",
    ),
    pattern(
        # an answer that was there before
        r"\b(?:no (?:\w+ )?)?(?:answer|conclusion) (?:is|was|being) (?:already )?(?:given|provided|supplied|known|"
        r"disclosed|"
        r"settled|fixed)(?:[,;:.]| (?:as|to be|to me|to us|namely|in advance|beforehand|upfront|from the start)\b)",
        r"\b(?:answer|conclusion)[^.!?\n]{0,12} (?:already|beforehand|in advance) (?:known|given|told|fixed|settled|"
        r"decided|"
        r"disclosed|provided|supplied)\b",
        rf"\b(?:answer|solution|label|conclusion|truth value|result|option|choice)(?: (?:that|which))? (?:I|we) "
        rf"(?:was|were|am|are|have been|had been|'ve been)(?: already| just)? (?:{_TELLS}|handed|shown)\b",
        r"\b(?:given|handed|provided|supplied|told|shown|listed|marked|named|recorded)(?: to (?:me|us)|"
        r" here)? as (?:the |being "
        r"(?:the )?)?(?:right|correct|standard|true|final) (?:answer|one|option|choice|conclusion)\b",
        r"\b(?:answer|solution|conclusion)s? (?:that |which )?(?:came|comes|is attached|was attached|attached|was sent|"
        r"accompan\w+|belongs|was supplied|was provided|was given|is supplied|is provided)(?: along)? ?(?:with|"
        r"to)?(?: (?:the|"
        r"this) (?:question|image|task|prompt|sample|problem|item)| it| me| us|[.,;]|$)",
        r"\b(?:question|task|prompt|sample|item|problem) (?:comes|came|is|was) (?:paired |supplied |given |"
        r"provided )?with "
        r"(?:its|the|an?) (?:\w+ )?(?:answer|solution)\b",
        rf"\b{_AGREES}(?: \w+)? the one (?:that |which )?(?:was |is |I was |we were |has been )?(?:{_TELLS}|"
        rf"expected)\b",
        r"\b(?:says?|said|states?|stated|told|written|specif\w+|noted|mentioned|indicate[sd]?)(?: here| there|"
        r" clearly| "
        r"above| me| us)? that the (?:right|correct|true|final|standard|expected) (?:answer|option|choice)\b",
        r"\b(?:told|informed)(?: that)?(?: the| its| this)? (?:\w+ )?answer (?:is|was|should|must)\b",
        r"\baccording to (?:the|this) (?:reference|solution|ground[- ]truth|label|annotation|answer)s?(?:[.,;:)]|$)",
        r"\b(?:explain|justif|argu|rationali[sz]|show|motivat|account)\w*(?: for)? (?:why|how|"
        r"that) [^!?\n]{1,60} (?:is|"
        r"must be|has to be|should be|was) (?:indeed |in fact )?(?:the )?(?:correct|right|standard|given|"
        r"expected) (?:answer|"
        r"option|choice|one|solution)\b",
        r"\b(?:must|should|has to|have to|needs? to|need to|ought to|supposed to) (?:\w+ )?(?:match|align|agree|"
        r"coincide|"
        rf"correspond|be consistent|conform|fit|lead|arrive|end up|come out)(?: \w+)? (?:the|this|that|"
        rf"what) (?:{_KNOWN} |"
        rf"{_HELD} )*(?:answer|conclusion|solution)(?: {_CHOSEN})?\b",
    ),
    pattern(
        # what a reader of the image alone has nobody to hear from
        r"\b(?:I|we) (?:was|were|have been|had been|'ve been) (?:also |already )?(?:told|informed|handed|supplied with|"
        r"provided "
        r"with|given (?:the|a|its|this) (?:\w+ )?(?:answer|solution|result|conclusion))\b",
        r"\b(?:told|given|provided|supplied|handed|disclosed|communicated|revealed|available|known)(?: to)? me\b",
        r"\b(?:given|told|known|fixed|specified|determined|decided|stated|settled|provided|announced) (?:beforehand|"
        r"in advance|"
        r"upfront|up front|from the (?:outset|start|beginning))\b",
        r"\b(?:already|have been|had been|been|was|were) (?:have|know|given|told|shown|possess|hold)(?: that)? (?:the|"
        r"its|our) "
        rf"(?:{_RIGHT} )*(?:answer|conclusion)(?: {_CHOSEN})?\b",
        r"\b(?:question|task|prompt|problem|system|user|data ?set|exercise|item|sample) (?:already |itself |"
        r"clearly )?(?:states?|"
        r"gives?|gave|lists?|specif\w+|provide[sd]?|mentions|names?|contains|includes|supplies|supplied|told|tells|"
        r"sets?)(?: us| "
        rf"me)? (?:the|its|an?) (?:\w+ )?(?:answer|solution)(?: {_CHOSEN})?\b",
        r"\b(?:the|this|that) answer (?:says?|mentions?|states?|reads?|lists?|confirms?|tells?|claims?|is said to be|"
        r"is claimed)\b",
        r"\b(?:given|provided|supplied|listed|specified|stated|marked|named|recorded|set|wanted|presented|designated|"
        r"labell?ed|"
        r"annotated|intended)(?: to (?:me|us))? as (?:the|its|an?) (?:\w+ )?(?:answer|solution)\b",
        r"\bprovided [^.!?\n]{1,40} as the (?:\w+ )?answer\b",
        r"\b(?:correct|right) (?:answer|response|option|choice) (?:as )?(?:listed|given|provided|supplied|specified|"
        r"recorded|"
        r"marked|stated|indicated)(?: (?:is|was|here|above|in the (?:task|prompt|question))\b|[.,;:)])",
        r"\b(?:official|reference|supplied|gold(?:en)?|intended) (?:solution|response|result)s?\b",
        r"\b(?:differ|deviate|depart|match|agree|align|consistent|compare)\w*(?: \w+)? (?:from|with|"
        r"to)? ?the (?:reference|key|"
        r"standard|ground truth|gold|official one)(?:[.,;:]|$| (?:so|and|but)\b)",
        r"\banswer (?:that was |as )?(?:given|provided|supplied|stated) (?:confirms?|indicates?|suggests?|shows?|says?|"
        r"states?|"
        r"implies|supports?|matches|agrees|reads|seems|makes)\b",
        r"\b(?:given|provided|supplied) standard\b|\bthe (?:standard|given|provided|official|reference|expected) one\b",
        r"\b(?:task|question|prompt|problem|user|system|exercise) (?:already )?(?:provide[sd]?|gives?|gave|states?|"
        r"lists?|"
        r"specif\w+|names?|sets?) [^.!?\n]{1,60} as (?:the|its) (?:\w+ )?(?:answer|solution)\b",
        r"\b(?:known|given|established|settled|confirmed)(?: here)? that the (?:correct|right|true|final|"
        r"standard) answer\b",
        r"\b(?:been|was|were|is) (?:given|provided|supplied|told|shown) [^.!?\n]{1,40} as (?:the|"
        r"its) (?:\w+ )?(?:answer|"
        r"solution)\b",
        r"\b(?:answer|option|choice),? (?:per|going by|judging by|by) the (?:provided|given|supplied)\b|"
        r"\bas (?:I was )?told,",
    ),
    pattern(
        # somebody who gave it
        r"\b(?:annotator|labell?er|grader|examiner|marker)s? (?:chose|choose|chosen|gave|gives?|says?|said|picked|"
        r"selected|"
        r"marked|labell?ed|decided|agreed?|wrote|noted|expects?|wants?)\b",
        r"\b(?:label|annotation|answer|solution)s? (?:in|of|from) the (?:data ?set|annotations?|metadata|records?|"
        r"prompt|"
        r"task|source data|file)\b",
        r"\bkey (?:lists|says|gives|states|marks|names|has|shows)[^.!?\n]{0,40} (?:correct|right|the answer)\b",
        r"\b(?:user|questioner|asker|annotator|examiner|data ?set|teacher|grader|prompt)(?:'s)? "
        r"(?:answer|label|annotation|key|solution|gave|says?|said|lists?|marks?|confirms?|confirmed)\b",
        r"\byou(?: have|'ve| had)? (?:already )?(?:gave|given|provided|told|supplied|specified|stated|mentioned|shared|"
        r"shown)"
        r"(?: me| us)?(?: \w+){0,3} (?:answer|solution|conclusion)\b",
        r"\banswer (?:that )?you(?: have|'ve| had)? (?:gave|given|provided|told|supplied|specified|stated|mentioned|"
        r"shared)\b",
        r"标准答案|参考答案|正确答案(?:已|是?给[出定]|为已知)|(?:给定|提供|给出|已知|所给)的?(?:正确)?答案|根据(?:题目)?(?:给出的|提供的)?答案[,,。]",
        r"\b(?:vorgegebene|gegebene|bereitgestellte|angegebene)[nr]? (?:richtige[nr]? )?antwort\b|\bmusterlösung\b",
        r"\bréponse (?:correcte |standard )?(?:fournie|donnée|attendue|de référence)\b",
        r"\brespuesta (?:correcta |estándar )?(?:proporcionada|dada|esperada|de referencia|facilitada)\b",
    ),
)
"""In groups: one pattern for all would be too large for the engine's cache, and ten times as slow."""
OF_CHOICES = pattern(
    rf"(?:answers?|conclusions?) {_CHOSEN}$|(?:answers|conclusions)$",
    r"\b(?:given|provided|listed|stated|supplied|available) (?:option|label|result|response)s?$",
    r" (?:is|was) (?:not|either|one)$|^no |^(?:assuming|seeing) that",
)
INSTRUCTIONS = pattern(
    rf"\b(?:my|your) (?:\w+ )?{_PROMPT}\b",
    r"\b(?:the|this) (?:system )?prompt(?: (?:says|said|asks|asked|states|stated|specif\w+|require[sd]|tells|told|"
    r"instructs|gives|gave|provide[sd]|indicate[sd]|mentions|wants|contains|already|itself)|[.,;)]|$)",
    r"\b(?:in|from|by|per|to|of|with) (?:the|this|my|your) (?:\w+ )?(?:system )?prompt\b",
    rf"\b(?:as|per|following|follow|follows|under|given|by|to) (?:the|these|those|all|all the) (?:\w+ )?"
    rf"{_PROMPT}(?: (?:given|provided|above|I|exactly|to|and|that|say|state|require)\b|[.,;)]|$)",
    r"\bas (?:I was |I am |I've been |we were )?(?:instructed|prompted)\b",
    r"\b(?:as|per) (?:per )?(?:the|your|my) (?:\w+ )?(?:instructions?|prompt|guidelines|request)\b",
    r"\bas (?:requested|directed|required|asked|specified|told) (?:by|in|of) (?:the|my|your) (?:user|prompt|task|"
    r"instructions?|"
    r"system|format)\b",
    r"\b(?:I|we)(?: am|'m| was| were| are| have been|'ve been| had been) (?:explicitly |also |strictly |specifically )?"
    r"(?:instructed|prompted|forbidden|not (?:allowed|supposed|permitted|to (?:mention|reveal|say|refer)))\b",
    r"\b(?:I|we)(?: am|'m| was| were| are| have been|'ve been) (?:told|asked|required|supposed|expected|meant) "
    r"(?:to|not to|that) (?:match|align|agree|mention|reveal|pretend|conclude|end (?:up|with)|arrive|reach (?:this|"
    r"that)|"
    r"the (?:correct |right |final )?answer)\b",
    r"\b(?:without|not|never|n't|avoid|avoiding|cannot|can't) (?:to )?(?:mention|reveal|refer|acknowledg|disclos|"
    r"admit|betray|let(?:ting)? (?:on|slip)|giv\w+ away|hint\w* (?:at|that))\w*(?: \w+){0,4} (?:answer|given|"
    r"told|prompt|instructions?|kn[eo]w)\b",
    r"\b(?:the|your) user(?: has| had| also| already)? (?:said|says|states?|stated|told|tells|gave|given|gives|"
    r"provided|provides|supplied|specified|wants?|wanted|asked|asks|expects?|indicated|requires?|requested|"
    r"mentioned)\b",
    r"\b(?:the|this|my|your|required|requested|each|in) (?-i:SUMMARY|CAPTION|REASONING|CONCLUSION)(?: \w+)? "
    r"(?:section|stage|part|step|tag|rule|should|must|needs?|may|has to|cannot)s?\b",
    r"\b(?:section|stage|part|tag)s? (?:for |of |named |called )?(?:the )?(?-i:SUMMARY|CAPTION|REASONING|CONCLUSION)\b",
    r"\b(?:four|4)[- ](?:part|stage|section|step|tag)s? (?:format|structure|answer|template|response|output|trace)\b",
    r"\b(?:required|requested|specified|prescribed|mandated|four-stage|demanded) (?:\w+ )?(?:format|"
    r"template|structure)\b",
    r"\bwrite training data\b|\bin the words of the\b|\bmust match the (?:correct|standard)\b|"
    r"\bsomebody who sees only\b|\bthe (?:contents?|text) of the tags?\b|\bnothing outside the(?:m| tags)\b",
    r"(?m:^)(?:standard answer|reference answer|ground truth|gold answer|earlier answer|a check found|system prompt|"
    r"instructions?) ?:",
    r"(?:按照|根据|遵循|依照)(?:上述|给定的?|你的|您的)?(?:指示|指令|提示词|说明要求)",
    r"\b(?:format|task description|guidelines?|system|system message|assignment) (?:asks?|demands?|requires?|says?|"
    r"wants?|"
    r"tells?|told|dictates?|specif\w+|prescribe\w*|expects?)(?: me| us| that|,)\b",
    r"\bas (?:the|my|your) (?:task description|task|format|system|guidelines?|instructions?|prompt|user) (?:asks?|"
    r"demands?|"
    r"requires?|says?|wants?|tells?|dictates?|specif\w+|prescribe\w*|expects?|states?)\b",
    r"\binstructions? (?:asks?|tells?|requires?|demands?|wants?|forbids?) (?:me|us|that)\b",
    r"\bas (?:mentioned|noted|described|set out|explained|outlined|laid down|written) in (?:the|my|"
    r"your) (?:instructions?|"
    r"prompt|guidelines?|task)\b",
    # words for a judge
    r"\b(?:note|message|instructions?|attention|memo) (?:to|for) the (?:judge|grader|evaluator|reviewer|checker|"
    r"model|AI)\b",
    r"\b(?:judge|grader|evaluator|reviewer|checker)s? (?:must|should|has to|have to|is to|are to|shall|will|"
    r"can) (?:now |"
    r"always |please )?(?:accept|approve|pass|give|rate|mark|ignore|award|assign|skip)\b",
    r"\byou (?:are (?:not )?allowed to|must|should|have to|may not|can't|cannot) (?:now |always )?(?:not )?(?:accept|"
    r"reject|"
    r"approve|rate|grade)\b|\byou are now (?:in|an?|the)\b|\bnew instructions? ?:",
    r"\b(?:assign|award|give|return|output) (?:it |this |me )?(?:the |a |an )?(?:highest|full|maximum|perfect|"
    r"top) (?:score|"
    r"marks?|rating|grade|points)\b",
    r"\b(?:rate|grade|mark|label|score) (?:this|the|every|each|all) (?:\w+ )?(?:as |with )(?:correct|right|positive|"
    r"accepted|good|valid|perfect)\b",
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your |my )*(?:previous|prior|above|earlier|preceding) \w+",
)
_KNOWING = (
    r"(?:given|provided|supplied|told|stated|specified|known|know|expected|mentioned|disclosed|handed|required|"
    r"intended|"
    r"listed|revealed|confirmed|recorded|hint|hinted)"
)
NEARLY_GIVEN = pattern(
    # "answer" and a word of knowing in one clause, with what follows, which tells whether it is meant
    rf"\b(?:answer|solution|conclusion)s?\b[^.!?,;:\n]{{0,24}} {_KNOWING}\b(?: (?:by|in|on|from|with|at|to|as|for) "
    r"[^.!?\n]{0,24}|[^.!?\n]{0,12})",
    rf"\b{_KNOWING}(?: \w+){{0,3}} (?:answer|conclusion)s?(?: {_CHOSEN})?\b",
    r"\b(?:reference|key|standard|annotation|label) (?:says|gives|states|lists|has|wants|demands|reads)\b",
    r"\b(?:answer|solution) (?:in|of|from) the (?:key|reference|prompt|data ?set)\b|\banswer sheet\b|\bas told\b",
    r"\bI (?:was|have been|had been) (?:given|told|asked|shown|handed)\b|\bwe (?:were|have been|had been) (?:told|"
    r"handed)\b",
    r"\bfrom the (?:correct |standard |given )?answer\b|\bfor the answer to be\b|\bchain of thought\b|"
    r"\b(?:instruction|task|"
    r"job|assignment) (?:was|is) to (?:conclude|end|produce|arrive|reach|match|justify)\b",
)
OF_THE_IMAGE = pattern(
    r"\b(?:cannot|can't|could not|couldn't) be (?:provided|given|stated|determined)\b",
    r"choices?|options?|alternatives|possib|candidates|answers$|answers |given by|given as \d|required to|be given|"
    r"known as",
    r" (?:in|on|from|by|at|within|to|of) (?:the|this|each|its|a|an|that|both|all) ?(?:\w+ )?(?:image|picture|chart|"
    r"graph|"
    r"table|figure|diagram|document|text|passage|photo|map|label|legend|caption|letter|form|scene|header|page|title|"
    r"bar|"
    r"axis|difference|sum|context|number|values?|information|formula|data|details|condition|line|row|column|sentence|"
    r"paragraph|section|footer|corner|first|second|last|top|bottom)",
    r"\b(?:from|on|in|of|with|using|by|among|all|these|to|under|at|for|as|not|n't|isn't|no) (?:\w+ )?(?:the |these |"
    r"all |"
    rf"what is |is )?(?:\w+ )?{_KNOWING}\b",
    rf"^{_KNOWING} (?:the|these|this|that|all|in|on|by|as|values?|conditions?|information|data|facts?|angle|to)\b",
)
"""What is given in the image, or as a choice."""
