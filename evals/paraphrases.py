"""Hints in other words: groups in which all say the same, written by hand, for measuring."""

GROUPS: tuple[tuple[str, ...], ...] = (
    (
        "Prefer candidates from the same era as the session's items.",
        "Favour candidates of similar years as the session.",
        "Look for things that came out around the time of what was viewed.",
    ),
    (
        "Weigh the most recent items of the session more than earlier ones.",
        "Let the latest choices count most.",
        "Focus on what the shopper looked at last.",
    ),
    (
        "Prefer candidates of a brand that the session has shown before.",
        "Put candidates of the session's brands first.",
        "Stay with the makers that were chosen already.",
    ),
    (
        "Prefer candidates of the category that most of the session is about.",
        "Keep to the session's category.",
        "Rank the department in which the shopper has been browsing highest.",
    ),
    (
        "Prefer candidates for the same platform as the session's items.",
        "Put candidates for the session's platform before all others.",
        "Match the console that the earlier purchases run on.",
    ),
    (
        "Prefer candidates that share genres with most of the session.",
        "Reward overlap in genre with what was watched.",
    ),
    (
        "Prefer candidates in the same price range as the session's items.",
        "Favour candidates that are near in price to what was chosen before.",
        "Demote things that cost much more or less than usual for this shopper.",
    ),
    (
        "Prefer cheaper candidates.",
        "Favour bargains among otherwise similar candidates.",
        "Rank low prices first.",
    ),
    (
        "Prefer newer candidates.",
        "Favour new releases among otherwise similar candidates.",
        "Lift what came out lately.",
    ),
    (
        "Prefer popular candidates where nothing else tells them apart.",
        "Give more weight to popularity.",
        "Promote what many others buy.",
    ),
    (
        "Prefer candidates that the notes call often bought next.",
        "Trust the shop's records of what is often bought next over the titles.",
        "Use the notes on what follows such purchases.",
    ),
    (
        "Prefer what the session already bought, to be bought again.",
        "Consider that consumables are bought again.",
        "Expect refills of earlier purchases.",
    ),
    (
        "Prefer candidates whose titles share words with the session's titles.",
        "Weigh titles of the same series as the session higher than other evidence.",
        "Look for sequels and other volumes of what was chosen.",
    ),
    (
        "Look for variety instead of the session's category.",
        "Promote departments that the shopper has not visited yet.",
    ),
    (
        "Prefer premium candidates over cheap ones.",
        "Favour the expensive end of the shelf.",
    ),
    (
        "Prefer older classics over new releases.",
        "Demote what was published lately.",
    ),
    (
        "Give less weight to popularity.",
        "Do not let bestsellers crowd out lesser-known candidates.",
    ),
    (
        "Give less weight to the brand.",
        "Treat candidates of all makers alike.",
    ),
    (
        "Give less weight to shared title words.",
        "Do not be misled by names that merely sound alike.",
    ),
    (
        "Prefer accessories that fit the latest item.",
        "Rank add-ons and companions of the last purchase high.",
    ),
)
"""Two or three ways to say each; those of different groups ask for different things."""
