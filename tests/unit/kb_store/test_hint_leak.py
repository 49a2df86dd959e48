"""What a hint must not give away."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_hint_form import GOOD, OF_SHOPS

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.names import Names
from re2llm.llm.ranking import RankTask
from re2llm.llm.reflection import Failure, Success

SHOP = [
    Item(
        item_id="B000ZELDA1",
        title="The Legend of Zelda: Ocarina of Time",
        attributes={"brand": "Nintendo Co", "platform": "N64", "genres": ("adventure", "fantasy")},
    ),
    Item(
        item_id="B000HALO22",
        title="Halo 2",
        attributes={"brand": "Bungie", "platform": "Xbox", "genres": ("shooter",)},
    ),
    Item(
        item_id="B000RACE33",
        title="Wireless Racing Wheel",
        attributes={
            "brand": "Acme",
            "platform": "Xbox",
            "description": "Feel every bump of the road with strong force feedback motors.",
        },
    ),
    Item(
        item_id="B000FILM44",
        title="Heat",
        attributes={"director": "Michael Mann", "platform": "DVD", "genres": ("crime",)},
    ),
    *(
        Item(
            item_id=f"B1{number:06}",
            title=f"Wireless Controller Model {number}",
            attributes={"brand": "Padworks", "platform": "Xbox" if number % 2 else "N64"},
        )
        for number in range(40)
    ),
]
BY_ID = {item.item_id: item for item in SHOP}
FILTER = LeakFilter(
    Names(SHOP), prompts=["Write a short hint that would have put the missed item near the top."]
)


def failure(target: str, session: tuple[str, ...] = ("B1000001",), **more: str) -> Failure:
    candidates = tuple(Candidate(item=item, score=0.0) for item in SHOP[:20])
    task = RankTask(session=tuple(BY_ID[i] for i in session), candidates=candidates, **more)
    return Failure(task=task, order=(), target=target)


@pytest.mark.parametrize("text", GOOD)
def test_general_advice_leaks_nothing(text: str) -> None:
    for target in ("B000ZELDA1", "B000FILM44", "B000RACE33"):
        assert FILTER.fault(text, failure(target)) is None


@pytest.mark.parametrize(
    ("target", "text", "fault"),
    [
        ("B000ZELDA1", "Rank the legend of zelda: ocarina of time first.", "by its title"),
        ("B000ZELDA1", "Prefer adventures with an ocarina.", "word of its title"),
        ("B000ZELDA1", "Prefer what Nintendo made.", "brand"),
        ("B000FILM44", "Prefer films by michael mann.", "director"),
        ("B000FILM44", "Prefer films with Mann behind the camera.", "director"),
        ("B000FILM44", "Prefer films about crime.", "genres"),
        ("B000FILM44", "Prefer films that run on Heat.", "title"),
        ("B000HALO22", "Rank b000halo22 first.", "identifier"),
        ("B000HALO22", "Rank A7 before the rest.", "label"),
        ("B000HALO22", "Put the wireless racing wheel last.", "part of its title"),
        ("B000RACE33", "Let them feel every bump of the road.", "copies"),
    ],
)
def test_what_gives_an_item_away_is_found(target: str, text: str, fault: str) -> None:
    found = FILTER.fault(text, failure(target))
    assert found is not None
    assert fault in found


def test_a_value_that_the_session_shows_gives_nothing_away() -> None:
    text = "Prefer crime films when the session holds some."
    alone = failure("B000FILM44")
    shown = failure("B000FILM44", session=("B000FILM44",))
    assert FILTER.fault(text, alone) is not None
    assert FILTER.fault(text, shown) is None


def test_a_value_that_many_candidates_share_gives_nothing_away() -> None:
    assert FILTER.fault("Prefer N64 items for such sessions.", failure("B000ZELDA1")) is None


def test_the_request_is_not_repeated() -> None:
    asked = failure("B000HALO22", request="something cosy for my grandmother's birthday party")
    said = "Prefer something cosy for my grandmother's birthday party."
    assert FILTER.fault(said, asked) == "repeats what the shopper typed"
    assert FILTER.fault("Prefer something cosy when it is asked for.", asked) is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("zebra umbrella", "Prefer a zebra umbrella over other candidates."),
        ("a present for mathilda", "Prefer what pleases Mathilda."),
        ("from Tom to Ann", "Weigh what was bought for Ann higher."),
    ],
)
def test_neither_a_short_request_nor_a_name_in_it_is_repeated(typed: str, said: str) -> None:
    fault = FILTER.fault(said, failure("B000HALO22", request=typed))
    assert fault == "repeats what the shopper typed"
    assert FILTER.fault(said, failure("B000HALO22")) is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("something my aunt lydia would love", "Prefer what suits lydia best."),
        ("something for lydia", "Lydia prefers racing; rank it higher."),
        ("something for lydia", "Prefer what suits the lydias of this world."),
        ("something for lydia", "Prefer LydiaKovacs style."),
        ("something for lydia", "Prefer what suits 1yd1a best."),
        ("something for ｌｙｄｉａ", "Prefer what suits lydia best."),
        ("zorblax", "Prefer zorblax candidates."),
        ("my code is 4815", "Prefer candidates with 4815 in mind."),
        ("velvet moth candle", "Prefer velvetmoth candidates."),
        ("подарок для людмилы", "Prefer gifts for людмилы most."),
        ("推荐便宜的蓝色相机给我妈妈", "Prefer 蓝色相机 candidates."),
    ],
)
def test_no_word_that_is_the_shoppers_own_is_repeated(typed: str, said: str) -> None:
    fault = FILTER.fault(said, failure("B000HALO22", request=typed))
    assert fault == "repeats what the shopper typed"


@pytest.mark.parametrize("said", ["Prefer gifts of людмилы", "Prefer what is ӏуԁіа"])
def test_a_hint_keeps_to_the_alphabet_of_the_shop(said: str) -> None:
    fault = FILTER.fault(said, failure("B000HALO22"))
    assert fault == "holds a word in an alphabet that no item of the shop is written in"
    there = LeakFilter(Names([*SHOP, replace(SHOP[0], item_id="i1", title=said[-8:])]))
    assert "alphabet" not in (there.fault(said, failure("B000HALO22")) or "")


@pytest.mark.parametrize("text", [text for text in GOOD if not any(map(str.isdigit, text))])
def test_plain_words_of_a_request_may_be_used(text: str) -> None:
    asked = failure("B000HALO22", request="something else, " + " or ".join(reversed(text.split())))
    assert FILTER.fault(text.lower(), asked) is None


@pytest.mark.parametrize("typed", ["cheap", "something for two", "Prefer cheap"])
def test_general_words_of_a_request_may_be_used(typed: str) -> None:
    asked = failure("B000HALO22", request=typed)
    assert FILTER.fault("Prefer cheaper candidates for two players.", asked) is None


def test_the_success_beside_a_miss_is_not_given_away_either() -> None:
    task = RankTask(
        session=(BY_ID["B000FILM44"],),
        candidates=(Candidate(item=BY_ID["B000RACE33"], score=0.0),),
        request="something for the long road to my sister",
    )
    success = Success(task=task, order=("B000RACE33",), target="B000RACE33")
    beside = replace(failure("B1000002"), success=success)
    assert FILTER.fault("Prefer something for the long road ahead.", beside) is not None
    assert FILTER.fault("Prefer candidates with the id B000RACE33.", beside) is not None


def test_our_own_instruction_is_not_repeated() -> None:
    text = "Use a short hint that would have put the missed item higher."
    assert FILTER.fault(text) == "repeats an instruction of the prompt"


def test_names_of_the_catalogue_are_found_without_a_failure() -> None:
    assert FILTER.fault("Prefer Halo 2 over other games.") is not None
    assert FILTER.fault("Put A1 before the rest.") is not None
    assert FILTER.fault("Prefer games by Bungie over others.") is not None
    assert FILTER.fault("Feel the heat of competition; prefer rivals.") is None


@pytest.mark.data
@pytest.mark.parametrize("folder", ["re2llm-movie", "re2llm-game", "po4isr-games", "amazon-beauty"])
def test_on_real_sessions_titles_are_found_and_advice_is_not(data_dir: Path, folder: str) -> None:
    lines = (data_dir / folder / "items.jsonl").read_text(encoding="utf-8").splitlines()
    items = {item.item_id: item for item in map(_item, lines)}
    leak = LeakFilter(Names(items.values()))
    named = general = tried = 0
    for line in (data_dir / folder / "valid.jsonl").read_text(encoding="utf-8").splitlines()[:30]:
        row = json.loads(line)
        candidates = tuple(Candidate(item=items[i], score=0.0) for i in row["candidates"])
        session = tuple(items[i] for i in row["items"][-20:])
        missed = Failure(
            task=RankTask(session=session, candidates=candidates), order=(), target=row["target"]
        )
        title = items[row["target"]].title
        named += leak.fault(f"In such sessions, rank {title} first.", missed) is not None
        general += sum(leak.fault(text, missed) is not None for text in GOOD)
        tried += 1
    assert named == tried
    assert general <= 0.01 * tried * len(GOOD)


def _item(line: str) -> Item:
    row = json.loads(line)
    attributes = {
        name: tuple(map(str, value)) if isinstance(value, list) else value
        for name, value in (row.get("attributes") or {}).items()
    }
    return Item(item_id=row["item_id"], title=row["title"], attributes=attributes)


SERIES = [
    *(Item(item_id=f"B2ZELDA{n:02}", title=f"Zelda Adventure, Ocarina {n}") for n in range(6)),
    *(Item(item_id=f"B3{n:06}", title=f"Wireless Controller Model {n}") for n in range(1000)),
]
SERIAL = LeakFilter(Names(SERIES))
"""Six items of a thousand share a word: too many for it to be rare, too few to be no name."""


BENT = [
    "Zelda",
    "zelda",
    "ZELDA",
    "zeldas",
    "Zelda's",
    "Zel-da",
    "Zel.da",
    "ZeldaGames",
    "zelda_games",
    "Z3lda",
    "Zęldå",
    "Ƶelda",
    "Ｚｅｌｄａ",
    "𝒁𝒆𝒍𝒅𝒂",
    "ⓩⓔⓛⓓⓐ",
    "ocarinas",
    "OcarinaOfTime",
]


@pytest.mark.parametrize("word", BENT)
def test_a_name_that_a_few_items_share_gives_the_target_away_however_it_is_written(
    word: str,
) -> None:
    others = tuple(Candidate(item=item, score=0.0) for item in (SERIES[0], *SERIES[6:25]))
    missed = Failure(
        task=RankTask(session=(SERIES[30],), candidates=others), order=(), target="B2ZELDA00"
    )
    assert SERIAL.fault(f"Prefer {word} over others.", missed) is not None
    for plain in (*GOOD, *OF_SHOPS, "Prefer wireless controllers.", "Look for an adventure."):
        assert SERIAL.fault(plain, missed) is None
    known = replace(missed, task=replace(missed.task, session=(SERIES[1],)))
    assert SERIAL.fault("Prefer items of the session's series, as zelda.", known) is None


def test_an_identifier_in_two_parts_is_one() -> None:
    assert "identifier" in str(
        FILTER.fault("Prefer B000 halo22 over others.", failure("B000HALO22"))
    )
