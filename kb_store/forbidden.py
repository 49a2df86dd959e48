"""Patterns that no hint may hold, whatever it says otherwise."""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


MARKUP = _any(
    r"\b[a-z][a-z0-9+.-]*://\S*",
    r"\bwww\.\S+",
    r"\b[\w-]+\.(?:com|net|org|io|ru|cn|co|info|biz|shop|store|xyz|app|dev|me|ly|gg|uk|de)\b",
    r"[<>{}\[\]|`*#\\^~]",
    r"\b(?:javascript|data|mailto):",
    r"-->|=>|==",
    r"&#?\w{1,31};",
)
"""Links, and signs that a prompt or a page could take for structure."""

SECRET = _any(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|xox[abpr]|glpat|hf)[-_][\w-]{8,}",
    r"\b(?:AKIA|ASIA|AIza|eyJ)[\w-]{10,}",
    r"-----BEGIN[^-]*-----",
    r"\b(?=[\w-]*\d)(?=[\w-]*[a-z])[a-z0-9_-]*[a-z0-9]{16,}\b",
    r"\b(?:pass(?:word|wd|phrase|code)s?|api[ _-]?keys?|access[ _-]?(?:key|token)s?|credentials?)\b"
    r"(?:\s+(?:is|are)\b|\s*[:=])?(?:\s*\S+)?",
    r"\bbearer\s+\S+",
)
"""Keys, tokens and passwords, with what stands right behind them."""

PERSONAL = _any(
    r"[\w.+-]+\s?(?:@|\(at\)|\bat\b)\s?[\w-]+\s?(?:\.|\(dot\)|\bdot\b)\s?[a-z]{2,}\b",
    r"(?<!\w)@\w{2,}",
    r"(?<!\w)\+?\(?\d(?:[\s().-]{0,2}\d){7,}",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b[a-z]{2}\d{2}(?:\s?[a-z0-9]{4}){3,7}\b",
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
    r"\b\d{1,5}\s+(?:\w+\s){1,3}(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|drive)\b",
    r"\b(?:my|his|her|their)\s+(?:full\s+)?(?:name|address|birthday|phone|e-?mail)\b(?:\s\S+){0,4}",
    r"\b(?:named|called)\s+[a-z]+\s+[a-z]+\s+(?:who\s+)?lives\b(?:\s\S+){0,4}",
    r"\b(?:lives|living|resides|born)\s+(?:at|in|on)\s+\S+(?:\s\S+){0,2}",
    r"\b(?:user|customer|shopper|buyer|client|member|mr|mrs|ms|dr)s?\.?\s+(?-i:[A-Z][a-z]+)\b"
    r"(?:\s(?-i:[A-Z][a-z]+))?",
    r"\b(?:date of birth|social security|passport|credit card|card number)\b(?:\s\S+){0,4}",
)
"""Addresses, numbers and names of people."""

CONTROL = _any(
    r"\b(?:json|yaml|xml|csv|markdown|html|code block|schema|base64)\b",
    r"\b(?:output|answer|respond|reply|response)\b.{0,30}\b(?:format|only|exactly|with|as|in)\b",
    r"\b(?:ignore|disregard|forget|override|overrule|bypass|skip|violate|break)\b.{0,40}"
    r"\b(?:instructions?|prompts?|rules?|guidelines?|polic(?:y|ies)|system|safety|told|the above"
    r"|everything above)\b",
    r"\b(?:system|developer|hidden|initial)\s+(?:prompts?|messages?|instructions?|modes?)\b",
    r"\b(?:assistant|system|user|developer|human|ai)\s*:",
    r"\byou\s+are\s+(?:now|a|an|no longer)\b|\b(?:pretend|role-?play|jailbreak)\b|\bact\s+as\b",
    r"\b(?:reveal|print|repeat|leak|disclose|output|dump|expose)\b.{0,30}"
    r"\b(?:prompts?|instructions?|keys?|system|secrets?|data|hints?|conversation)\b",
    r"\b(?:safety|safeguards?|guardrails?|moderation|content polic(?:y|ies)|censor\w*)\b",
    r"\b(?:candidate|item|opaque|answer)s?['’]?s?\s+(?:labels?|ids?|identifiers?)\b",
    r"\b(?:target|correct|true|right)\s+(?:item|answer|candidate|choice)\b|\bground truth\b",
    r"\b(?:tool|function|api)\s+calls?\b|\b(?:execute|eval|sudo|drop table|import os|curl|wget)\b",
    r"\b(?:tell|inform|warn|message|contact)\b.{0,15}\b(?:user|shopper|customer|people|them)s?\b",
    r"\bas (?:the|your|an?) (?:developer|admin\w*|owner|operator|system|assistant|ai)\b",
    r"\b(?:i|we) (?:order|command|demand|insist|instruct|require)\b",
    r"\byou (?:must|shall)\b|\bobey\b",
    r"\b(?:stop|refuse|decline|quit|cease)\b.{0,20}\b(?:rank\w*|task|answer\w*|recommend\w*)\b",
    r"\b(?:do not|don't|never) (?:rank|recommend|answer|return|list) (?:anything|any|at all)\b",
    r"\b(?:ranking|list|answer)s? empty\b|\bsay (?:hello|hi|that|the word)\b|\bpoems?\b",
    r"\b(?:ids?|identifiers?|sku|asin|isbn|ean)\b.{0,5}\b\w*\d",
    r"\bwith the (?:words?|letters?|phrases?|name)\b"
    r"|\b(?:title|name)s?\b.{0,15}\b(?:start|begin|end)\w* with\b",
    r"\b(?:your|the) (?:answer|response|reply|output)s?\b|\bbullet(?:ed)? (?:points?|lists?)\b",
    r"\b(?:upper|lower)[ -]?case\b|\b(?:text|lines?|words|everything) (?:above|below)\b",
    r"\b(?:explain|justify|explanations?|justifications?)\b.{0,30}"
    r"\b(?:orders?|rank\w*|choices?|words?|sentences?|each|answers?)\b",
    r"\b(?:candidate|option|item|product|number) (?:number |no\.? |nr\.? )?\d+\b"
    r"(?![%\w-]| (?:or|to) )",
    r"\b(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d+(?:nd|rd|th))"
    r"(?: or last)? (?:candidate|option)\b|\blabell?ed (?-i:[A-Z])\b",
    r"\bfrom now on\b|\bnew instructions?\b|\bend of (?:prompt|instructions?)\b",
)
"""Instructions about anything but the order of the candidates."""

PROMOTION = _any(
    r"\b(?:buy now|best deals?|discount codes?|coupons?|promo(?:tion)?(?:al)? codes?|vouchers?)\b",
    r"\b(?:sponsored|sponsors?|advertis\w*|affiliates?|free gift|subscribe|visit our)\b",
    r"\bclick(?:ing)? (?:here|on|this|the|below|now|to|for|through)\b",
    r"\b(?:regardless|irrespective) of (?:the |their |what |any )?"
    r"(?:session|shopper|user|customer|request|history|preference|context|they|interest)s?\b",
    r"\bprofit\w*|\brevenues?\b|\bcommissions?\b|\bearn\w*\b.{0,20}\bus\b",
    r"\bwhatever (?:the|their|they|is)\b|\bnsfw\b|\badults?[ -]only\b",
    r"\bno matter (?:what|which|who)\b|\bin (?:all|every) (?:cases?|sessions?)\b",
    r"\bour (?:brand|products?|shop|store|company)\b",
)
"""Advertising, and orders that hold whatever the session says."""
