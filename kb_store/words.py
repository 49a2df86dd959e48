"""Words that the checks on a hint's text know by heart (English)."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = _words(
    """
    accept account add adjust aim align allow analyse analyze anchor anticipate apply ask
    assess assign assume avoid balance base be begin bias blend boost break bring build bury
    capture carry cater check choose cluster combine compare complement concentrate confine
    consider continue correct count cover de-emphasise de-emphasize de-prioritise
    de-prioritize decide deduce deemphasise deemphasize defer delay demote deprioritise
    deprioritize detect determine devote differentiate direct discount disfavor disfavour
    disregard distinguish diversify do don't double down-rank down-weight downgrade downplay
    downrank downvote downweight drop elevate emphasise emphasize ensure estimate evaluate
    examine exclude expect exploit explore extend factor favor favour find first fit focus
    follow gather gauge give go group guard halve handle highlight hold honor honour
    identify ignore include increase infer insert interpret investigate judge keep lead lean
    leave lend let leverage lift limit link list look lower maintain make map match mind
    minimise minimize mix move narrow note notice observe offer opt order pair pay penalise
    penalize pick place position predict prefer prioritise prioritize promote pull push put
    raise rank rate read recall recognise recognize recommend reduce refrain relate rely
    remember remove rerank reserve resist respect reward scale scan score search seek select
    separate serve set shift show sink skip soften sort start stay steer stick stop
    strengthen suggest suppress surface suspect switch tailor take target tend think tie
    tilt track treat trust try turn up-rank up-weight upgrade uprank upvote upweight use
    value vary verify view watch weaken weigh weight widen work
    """
)
"""What a hint can tell the model to do."""

BEFORE_VERB = _words(
    """
    also always and but clearly especially first generally however if instead just never not
    only or otherwise please rather simply so still strongly then therefore usually
    """
)
"""May stand between the start of a clause and its command."""

BEFORE_CLAUSE = _words(
    """
    after although among as at based because before between by despite during even for from
    given if in like on once since to under unless when whenever where whether while
    with within without
    """
)
"""May begin a condition that stands before the command."""

STOP = _words(
    """
    a about all also an and any are as at be been before but by can do for from had has have
    he her his how i if in into is it its just last me more most my new next no nor not of
    off old on one only or other our out over own s same she so some such t than that the
    their them then there these they this those to too two under up us very was we were what
    when where which who will with you your
    """
)
"""Carry no name."""

PEOPLE = _words(
    """
    actor actors artist artists author authors brand cast creator creators designer
    developer developers director directors maker manufacturer performer publisher singer
    writer writers
    """
)
"""Attributes that name who made an item."""

TURNS = _words(
    """
    avoid below cheap cheaper cheapest demote different down downrank except exclude
    expensive fewer higher ignore least less lower more most never newer newest no not
    oldest older over penalise penalize raise skip under unless unlike without
    """
)
"""Turn the meaning of a sentence round without moving its vector much."""

INSULTS = _words(
    """
    arsehole* asshole* bastard* bitch* bollock* bullshit* chink chinks cock cocks* cocksuck*
    coon coons cum cunt* dick dickhead* dyke dykes fag fags faggot* fuck* gook gooks gypsy
    jerkoff kike kikes kraut krauts lesbo* moron* motherf* nazi* negro* nigg* paki pakis
    pedo* piss* porn* prick pricks pussy* raghead* rape* rapist* retard* shit* slut* spic
    spics tits towelhead* tranny trannies twat* wank* wetback* whore*
    """
)
"""No hint has a use for them; a star stands for any ending."""
