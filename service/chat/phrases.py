"""The phrases by which the plain understanding tells acts apart."""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


RESET = _any(
    r"\bstart (?:over|again|afresh|from scratch)\b",
    r"\bforget (?:everything|all (?:of )?(?:that|this)|about all)\b",
    r"^\s*reset\b",
    r"^\s*forget (?:it|that|this)\W*$",
    r"\bclear (?:everything|all|my wish)\b",
    r"^\W*(?:go )?back to (?:the )?(?:start|beginning|square one)\W*$",
    r"\bnew search\b",
)
RECALL = _any(
    r"\bwhat (?:did i|have i) (?:ask|say|want|tell)",
    r"\bwhat do you (?:remember|know about me)",
    r"\bwhat am i looking for\b",
    r"\bwhat(?:'s| is| are) my (?:limits?|wish|budget|filters?)\b",
    r"^\W*(?:(?:and|with|at|for) )*(?:the )?same (?:budget|price|limits?|conditions?)\W*$",
)
GREET = _any(
    r"^\s*(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|howdy|greetings)"
    r"(?: there| again| everyone)?\W*$"
)
HELP = _any(
    r"^\s*help(?: me)?\W*$",
    r"\bwhat can (?:you do|i (?:ask|say|do))\b",
    r"\bhow does (?:this|it) work\b",
)
THANK = _any(
    r"^\s*(?:many |ok(?:ay)?,? |great,? |no,? )?(?:thanks?|thank you|thx|cheers|ta)\b"
    r"(?: you| a lot| so much| very much| again| for \w+(?: \w+)?)*\W*$",
    r"^\W*i (?:don'?t|do not) (?:want|need) anything(?: else| more)?\W*$",
    r"^\s*(?:bye|goodbye|see you|that(?:'s| is) all)\b[^?]{0,20}$",
    r"^\s*(?:ok(?:ay)?|great|perfect|cool|fine|good)\W*$",
)
MORE = _any(
    r"\b(?:show|give|see|find|any|some)(?: me)?(?: some| a few)? (?:more|others?)\b"
    r"(?!\s+(?:expensive|affordable|brands?|about))",
    r"^\s*(?:more|others?|next|another(?: one)?)(?: please| ones?| options?| results?| items?)*\W*$",
    r"\bwhat else\b",
    r"\b(?:anything|something) (?:else|different)\b",
    r"\bother (?:options|ones)\b",
    r"\bdifferent (?:ones|options|items)\b",
    r"\bseen (?:these|them|those)\b",
    r"\balternatives\b",
)
CHEAPER = _any(
    r"\bcheaper\b(?!\s+than\s+\W?\d)",
    r"\bless expensive\b(?!\s+than\s+\W?\d)",
    r"\blower[- ]pric",
    r"\bmore affordable\b",
    r"\btoo (?:expensive|pric[e]?y|dear|costly)\b",
    r"\b(?:costs?|is|are) too much\b",
    r"\bcan(?:'t|not) afford\b(?!\s+\W?\d)",
    r"\bless money\b",
    r"\bnot (?:quite )?(?:so|too|that|as) (?:expensive|pric[e]?y|dear|costly)\b(?!\s+as)",
)
CHEAP = _any(
    r"\b(?:cheap|affordable|inexpensive|low[- ]cost)\b",
    r"(?<!same )(?<!my )(?<!our )(?<!the )(?<!your )(?<!that )(?<!within )\bbudget\b(?!\s+(?:is|of|\d))",
)
NEWER = _any(
    r"\b(?:newer|more (?:recent|modern|up to date))\b(?!\s+than\s+\W?\d)",
    r"\btoo old\b(?!\s+for)",
)
OLDER = _any(
    r"\bolder\b(?!\s+(?:than\s+\W?\d|people|persons?|kids?|children|adults?|m[ae]n|wom[ae]n))",
    r"\btoo new\b",
)
DEARER = _any(
    r"\bmore expensive\b(?!\s+than\s+\W?\d)",
    r"\bpricier\b",
    r"\bhigh(?:er)?[- ]end\b",
    r"\bpremium\b",
    r"\bfancier\b",
    r"\btoo cheap\b",
    r"\bbetter quality\b",
)
TAKE = _any(
    r"\bi(?:'ll| will| would like to| want to| am going to|'m going to) "
    r"(?:take|buy|get|have|go (?:for|with)|order|choose|pick)\b",
    r"^\s*(?:ok(?:ay)?,? |yes,? |please )*(?:buy|order|take|choose|pick|get me)\b",
    r"\bput .{0,40}\bin(?:to)? (?:my |the )?(?:cart|basket)\b",
    r"\badd .{0,40}\bto (?:my |the )?(?:cart|basket)\b",
    r"\bi(?:'d)? (?:choose|pick|prefer|take)\b",
    r"\b(?:it )?is the one\b",
    r"^\W*(?:ok(?:ay)?,? |then )?(?:the |number |no\.? ?|#)?\w+(?: one)? it is\W*$",
)
LIKE = _any(
    r"\bi (?:really |quite |do )?(?:like|love) (?:the|number|#|that|this|it|option)\b",
    r"\b(?:the|number|#)\s?\w+(?: one)? (?:looks|is|seems) (?:nice|good|great|perfect)\b",
)
SIMILAR = _any(
    r"\b(?:something|anything|more|one|ones|items?|others?|things?|stuff|some)(?: else)?"
    r"(?: more)? (?:like|similar to|along the lines of|such as)\b(?!\s+to\b)",
    r"\bsimilar (?:to|ones?|items?|things?)\b",
    r"^\s*like (?:the|number|#|that|this)\b",
    r"\bmore of (?:the|those|that|this)\b",
)
EXPLAIN = _any(
    r"\bwhy\b",
    r"\btell me (?:more )?about\b",
    r"\bmore about\b",
    r"\b(?:more )?details?\b",
    r"\bdescribe\b",
    r"\bhow (?:much|old|new|good|big|heavy)\b",
    r"\bexplain\b",
    r"\bwhat(?:'s| is| are| does) (?:the|it|that|this|its|number|#)\b",
    r"\bwho makes\b",
    r"\bwh(?:at|ich) (?:brand|platform|colou?r|year|category|size|price|kind)\b",
    r"\bcompare\b",
    r"\bdifferences?\b",
    r"\bversus\b|\bvs\b",
    r"\bwhich (?:one )?(?:is|of)\b",
    r"^\s*(?:does|is|are|has|can|do|will) (?:it|they|this|that|the|number|#|these|those|\d{1,2})\b",
)
PICK = _any(
    r"\bwhich (?:one |of (?:these|them|those|the two) )?(?:would|do|should|shall) (?:you|i) "
    r"(?:recommend|suggest|take|buy|choose|pick|get|prefer)\W*$",
    r"\bwhat would you (?:recommend|suggest|take|buy|choose|pick|get)\W*$",
    r"\byour (?:favou?rite|pick|choice|recommendation)\W*$",
    r"\bwhich (?:one )?is (?:the )?best\W*$",
)
"""Asks which of the shown items is the best one."""
REJECT = _any(
    r"\bnone of (?:these|them|those)\b",
    r"\bi (?:don'?t|do not) (?:like|want) (?:any|these|them|those|"
    r"either)\b",
    r"\bnot what i\b",
    r"\bnothing (?:here|there)\b",
    r"\bnot interested\b",
    r"\bi hate (?:these|them|those|all)\b",
    r"^\s*(?:no|nope|nah|wrong|not (?:these|those|them|good|really)|bad|terrible)\W*$",
)
CORRECT = _any(
    r"^\s*(?:nope|wrong|sorry)\b[,.! ]+(?=\w)",
    r"^\s*no(?:\s*[,.!;:]+\s*| +(?=(?:i|not|wait|actually|that|this|it|they|these|those|sorry|you)\b))"
    r"(?=\w)",
    r"\bi meant\b",
    r"\bi mean\b",
    r"\bthat(?:'s| is) not what\b",
    r"\byou misunderst",
    r"\bnot what i\b",
)
OPENING = _any(
    r"\bi(?:'m| am)? (?:want|need|looking|after|searching|would like)\b",
    r"\bi'd like\b",
    r"\bshow me\b",
    r"\bfind me\b",
    r"\blooking for\b",
    r"\bdo you (?:have|sell)\b",
    r"\bsearch(?:ing)? for\b",
    r"\brecommend(?: me)?\b",
    r"\bsuggest\b",
    r"\bgive me\b",
    r"\blet'?s (?:look|see|try)\b",
    r"\bhow about\b",
    r"\bwhat about\b",
    r"\binstead\b",
)
PRONOUN = _any(r"\b(?:ones?|them|it|those|these|they)\b")
ALSO = _any(r"\b(?:also|too|as well|and also|plus|additionally|or)\b", r"^\s*and\b")
ANYTHING = _any(
    r"\bsurprise me\b",
    r"\banything(?: (?:is|will|would)\b| you|\W*$)",
    r"\bwhatever\b",
    r"\byou (?:choose|decide|pick)\b",
    r"\bi don'?t (?:know|care|mind)\b",
    r"\bno idea\b",
    r"\b(?:best ?sellers?|popular|trending)\b",
    r"\brecommend (?:me )?(?:something|anything)\b",
    r"\bwhat do you (?:recommend|suggest|have|sell)\b",
    r"\bnot sure\b",
    r"\bdoes(?:n'?t| not) matter\W*$",
)
INJECTION = _any(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules|prompts?|guidelines)\b",
    r"\b(?:system|developer) (?:prompt|message|mode)\b",
    r"\byou are now\b",
    r"\bjailbreak\b",
    r"\bpretend (?:to be|that|you)\b",
    r"\breveal\b.{0,40}\b(?:prompt|instructions?|keys?|secret)",
    r"\bact as\b",
    r"\bapi[ _-]?keys?\b",
    r"<\s*/?\s*(?:script|system|session|candidates|hint)\b",
    r"\b(?:drop|delete) (?:table|all|from)\b",
)
SHOP_ONLY = _any(
    r"\b(?:deliver(?:y|ed)|shipping|ship to|refunds?|warranty|opening hours|stock)\b",
    r"\bdiscounts?\b|\bcoupons?\b|\bpromo codes?\b",
    r"\b(?:in|to|which|what) (?:us )?(?:dollars?|euros?|pounds?|currency|usd|eur|gbp|chf)\W*$",
)
"""What a shop knows and its catalogue does not."""
UNDO = _any(
    r"^\W*(?:please )?(?:cancel|undo)(?: (?:that|it|this|the (?:order|purchase|last (?:one|step))))?\W*$",
    r"\b(?:take|put) (?:it|that|this) back\b",
    r"\b(?:take|remove) (?:it|that|this) (?:out of|from) (?:my |the )?(?:cart|basket)\b",
)
ALLOW = _any(
    r"\b(?:is|are|would be|'s)(?: actually| also| perfectly| quite)? "
    r"(?:fine|ok(?:ay)?|all ?right|allowed|acceptable)\b",
    r"\bi (?:don'?t|do not|wouldn'?t) mind\b",
    r"\b(?:too|as well)\W*$",
)
"""Said of something unwanted, it is so no longer; it is not wished for either."""
OFF_TOPIC = _any(
    r"\bweather\b",
    r"\bwho (?:are you|is the|was|won)\b",
    r"\bwhat(?:'s| is) (?:the time|your name|love)\b",
    r"\b(?:tell|write) (?:me )?(?:a|an) (?:joke|poem|story|essay)\b",
    r"\bcapital of\b",
    r"\b(?:where is|track|cancel|return) my (?:order|parcel|package)\b",
    r"\bare you (?:a |an )?(?:bot|human|robot|ai|real)\b",
    r"\bmeaning of life\b",
)
