"""Words of a message that name nothing of a shop: what to leave out, and what not to complain of."""

from re2llm.catalog.lexical import words

META = frozenset(
    words(
        "no nope yes yeah ok okay sorry actually instead rather meant mean make made show see look "
        "one ones first second third fourth fifth last brand brands platform category kind kinds "
        "sort option options result results choice pick choose take buy add cart basket number "
        "please still now then though again too also as well but only just even different "
        "same similar like love hate wrong right bad nothing something anything everything "
        "idea ideas gift want wanted shop sell have got use used my your their there here it this "
        "that these those them they he she you we i for from by with at in on to of what which who "
        "why how when where tell more most than lot bit around about between under over below above "
        "cheap cheaper cheapest priciest dearest expensive affordable inexpensive premium money spend pay price "
        "priced budget limit max maximum min minimum least dollar dollars euro euros usd eur bucks "
        "dont don t didn did does do doesn is isn am are was be been being s m ll ve d re let lets "
        "go going come day today good nice great perfect cool fine really quite very pretty "
        "prefer preferably ideally must should could would can will may might maybe perhaps any all "
        "both each every such so if or nor none and not without except fan "
        "interested interest after search searching find recommend suggest suggestion give thing "
        "things stuff item items product products hi hello hey thanks thank anymore else other "
        "others another new newer newest older oldest latest matter matters care mind fact allow allowed "
        "include later back two three four five six seven eight nine ten couple few pair person "
        "people liked better best best wait already limit limits same beginning never"
    )
)
"""Left out whatever the catalogue says."""
QUIET = META | frozenset(
    words(
        "hm hmm uh um erm well yep yup alright pls plz birthday christmas xmas anniversary present "
        "presents somebody someone dad daddy father mum mom mother parents wife husband partner "
        "boyfriend girlfriend friend friends brother sister son daughter uncle aunt grandma grandpa "
        "colleague boss he she his her him has had having been seem seems looks suppose guess tell "
        "thinking think many much exactly sorry know sure maybe little nicely kindly cannot currently yet one's own need "
        "needs needed wants wanted buying bought"
    )
)
"""Wanted where an item has them; nobody is told where none has."""
