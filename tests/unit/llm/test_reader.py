import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from re2llm.evals.bench_reader import measure, recorded
from re2llm.llm.labels import labels
from re2llm.llm.reader import complete, read_answer

TITLES = ["Halo 3 - Xbox 360", "F1 2013", "iPhone 13 Case", "Scream", "Casino", "Cape Fear"]
IDS = [f"c{i}" for i in range(len(TITLES))]


def places(text, titles=TITLES, others=()):
    return read_answer(text, titles, others).places


@pytest.mark.parametrize(
    "text",
    [
        '{"ranking": ["A3", "A1", "A2"]}',
        '```json\n{"ranking": ["A3", "A1", "A2"]}\n```',
        'Sure! Here it is:\n{"ranking": ["[A3]", "a1", " A2 "]} I hope this helps, A4!',
        '<think>A1 > A2 > A5 {"ranking": ["A5"]}</think>{"ranking": ["A3", "A1", "A2"]}',
        'A1 > A2 > A4</think>\n{"ranking": ["A3", "A1", "A2"]}',
        '{"ranking": ["A3", "A1", "A2"',
        '{"ranking": ["A3", "A1", "A2", "A',
        "{'ranking': ['A3', 'A1', 'A2']}",
        '["A3", "A1", "A2"]',
        '{"ranking": "A3 A1 A2"}',
        '{"ranking": "A3 A1 A2 A3 A3 A3 A3"}',
        '{"ranking": "A3 A1\nA2"}',
        '{"ranking": "[A3] > [A1] > [A2]"}',
        '{"ranking": "a3, a1, a2"}',
        '{"ranking": ["A3 A1 A2"]}',
        '```json\n{"ranking": "A3 A1 A2"}\n```\nA4 A5 A6 were no match.',
        '<think>{"ranking": "A5 A4"}</think>{"ranking": "A3 A1 A2"}',
        '{"ranking": "A3 A1 A2 A',
        '{"ranking": "A3 A1 A2", "reasons": [{"label": "A3", "wh',
        "{'ranking': 'A3 A1 A2'}",
        "A3 A1 A2",
        "The ranking: A3 A1 A2",
        '{"ranking": [{"label": "A3"}, {"label": "A1"}, {"label": "A2"}]}',
        "[A3] > [A1] > [A2]",
        "A3 > A1 > A2",
        "A3, A1, A2",
        "The final ranking is: [A3] > [A1] > [A2]",
        "1. A3\n2. A1\n3. A2",
        "1. [A3] iPhone 13 Case\n2. [A1] Halo 3\n3. [A2] F1 2013",
        "- **A3**: the case\n- **A1**: the game\n- **A2**: the race",
        "1. iPhone 13 Case\n2. Halo 3 - Xbox 360\n3. F1 2013",
        '{"ranking": ["iPhone 13 Case", "Halo 3 - Xbox 360", "F1 2013"]}',
        '{"ranking": ["iPhone 13 Case", "Halo 3 - Xbox 360", "F1 2013", "Cape Fe',
    ],
)
def test_one_order_in_many_forms(text):
    assert places(text) == (2, 0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'm sorry, I can't help with that.",
        "The 3 passages: 1 and 3 are about games, 2 is about a case.",
        "I compared A1 with A2 and A3 before I gave up.",
        "[3] > [1] > [2]",
        "<think>the answer is [A3] > [A1]",
        "{" * 5000,
        "[" * 50_000,
        '{"ranking": []}',
        '{"ranking": ""}',
        '{"ranking": "label label label ..."}',
        '{"ranking": "A"}',
        "I took A1 A2 and A3 off the list.",
        '{"ranking": [3, 1, 2]}',
        "null",
        "We should think about which of the items, among them some games, fits best.",
    ],
)
def test_what_is_no_answer_names_nothing(text):
    assert places(text) == ()


def test_digits_of_titles_are_no_labels():
    many = [f"Thing {i} more words" for i in range(54)]
    assert labels(54)[45] == "F1"
    many[3] = "F1 2013"
    assert places("1. F1 2013\n2. Thing 7 more words", many) == (3, 7)
    assert places('{"ranking": ["F1 2013", "Thing 7 more words"]}', many) == (3, 7)
    assert places('{"ranking": ["F1 2013"]}', many) == (3,)
    assert places('{"ranking": "F1 2013"}', many) != (45,)


def test_repeats_and_strangers_are_counted():
    reading = read_answer('{"ranking": ["A2", "B7", "A2", "A1"]}', TITLES)
    assert read_answer('{"ranking": "A2 B7 A2 A1"}', TITLES) == reading
    assert (reading.places, reading.unknown, reading.repeated) == ((1, 0), 1, 1)
    order, repairs = complete(reading, IDS)
    assert order == ("c1", "c0", "c2", "c3", "c4", "c5")
    assert (repairs.unknown, repairs.repeated, repairs.missing) == (1, 1, 4)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("The Matrix", "Matrix, The (1999)"),
        ("Matrix, The (1999)", "The Matrix"),
        ("The Good, the Bad and the Ugly (1966)", "Good, the Bad and the Ugly, The (1966)"),
        ("**Amelie**", "Amélie"),
        ("Fast &amp; Furious", "Fast & Furious"),
        ("fast and furious", "Fast & Furious"),
        ("Dune by Frank Herbert", "Dune"),
        ("Casino - Drama", "Casino"),
        ("Casino (1995) 5/5", "Casino"),
        ("Memento (2001)", "Memento (2000)"),
        ("Twelve Monkeys (1995)", "Twelve Monkeys (a.k.a. 12 Monkeys) (1995)"),
        ('"Heat"', "Heat"),
        ("12 Angry Men", "12 Angry Men"),
        ("300: Rise of an Empire", "300: Rise of an Empire"),
        ("Casino - a long and bitter story of greed and love", "Casino"),
    ],
)
def test_the_same_title_written_otherwise(line, title):
    assert places(f"1. {line}\n2. nothing known", [title, "Something Else"]) == (0,)
    assert places(line, [title, "Something Else"]) == (0,)


@pytest.mark.parametrize(
    ("line", "titles"),
    [
        ("Scream 2", ["Scream"]),
        ("Scream", ["Scream 2"]),
        ("Aliens", ["Alien"]),
        ("Rocky", ["The Rock", "Rock"]),
        ("The Godfather: Part II", ["The Godfather: Part III", "The Godfather"]),
        ("The Dark Knight (2008)", ["Dark Knight Rises, The (2012)"]),
        ("Star Wars: The Clone Wars", ["Star Wars"]),
        ("Star Wars - The Clone Wars", ["Star Wars"]),
        ("Planet of the Apes (1968)", ["Planet of the Apes (2001)"]),
        ("Solaris", ["Solaris (1972)", "Solaris (2002)"]),
        ("Halo (PS4)", ["Halo (Xbox)"]),
        ("Rambo (Part II)", ["Rambo"]),
        ("Rocky II", ["Rocky III", "Rocky"]),
        ("Die Hard is not available, so I choose another", ["Die Hard", "Cape Fear"]),
        ("Die Hard (1988) is not on the list, so I take Cape Fear", ["Die Hard (1988)"]),
        ("Casino Royale", ["Casino"]),
        ("FIFA 14", ["FIFA 15", "FIFA 13", "FIFA"]),
        ("Uncharted - PlayStation 4", ["Uncharted"]),
        ("Dragon Age II", ["Dragon Age"]),
        ("I Can't Sleep", ["Sleep"]),
    ],
)
def test_another_title_is_never_taken(line, titles):
    assert places(f"1. {line}\n2. also unknown", titles) == ()
    assert places(line, titles) == ()


def test_a_title_of_the_session_is_not_taken_for_a_like_candidate():
    assert places("1. Independence Day\n2. x y z", ["Independence Day (ID4)"]) == (0,)
    others = ["Independence Day"]
    assert places("1. Independence Day\n2. x y z", ["Independence Day (ID4)"], others) == ()


def test_equal_titles_are_taken_one_after_the_other():
    assert places("1. Heat\n2. Casino\n3. Heat", ["Heat", "Heat", "Casino"]) == (0, 2, 1)


def test_a_list_on_one_line_is_read_whole():
    titles = ["Matrix, The (1999)", "Monsters, Inc. (2001)", "Heat (1995)", "Fargo (1996)"]
    text = "Top 4: Heat (1995), Monsters, Inc. (2001), Matrix, The (1999), Fargo (1996)"
    assert places(text, titles) == (2, 1, 0, 3)


def test_reasons_come_along_by_item():
    text = '{"ranking": ["A2", "A1"], "reasons": [{"label": "A2", "why": "same <b>team"}]}'
    assert read_answer(text, TITLES).reasons == {1: "same ‹b›team"}
    text = '{"ranking": ["A2"], "reasons": {"A2": "new", "Z9": "stranger", "A1": 3}}'
    assert read_answer(text, TITLES).reasons == {1: "new"}


MARKS = '{"ranking": [|{"ranking": "'
MARKS += '| |"|]|}|[|>|, |\n|1. |- |**|<think>|</think>|```json| by | (1999)|\u202e|: |\\'
fragments = st.sampled_from([*labels(12), *TITLES, *MARKS.split("|"), "\ud800", "\x00"])
answers = st.one_of(st.text(max_size=400), st.lists(fragments, max_size=60).map("".join))


@settings(max_examples=400)
@given(text=answers, titles=st.lists(st.one_of(st.sampled_from(TITLES), st.text()), max_size=12))
@example(text='{"ranking": ["A1"]}', titles=[])
def test_any_text_gives_a_permutation(text, titles):
    ids = [str(i) for i in range(len(titles))]
    reading = read_answer(text, titles, ["Heat", ""])
    order, repairs = complete(reading, ids)
    assert sorted(order) == sorted(ids)
    assert repairs.missing == len(ids) - len(reading.places)
    assert sum(reading.kinds.values()) == len(reading.places)


@settings(max_examples=200)
@given(
    order=st.permutations(range(30)),
    form=st.sampled_from(["string", "json", "chain", "row", "lines", "titles"]),
)
def test_a_good_answer_is_read_exactly(order, form):
    names, titles = labels(30), [f"The {chr(97 + i)}{i} Game, Part {i}" for i in range(30)]
    text = {
        "json": '{"ranking": ["' + '", "'.join(names[i] for i in order) + '"]}',
        "string": '{"ranking": "' + " ".join(names[i] for i in order) + '"}',
        "row": " ".join(names[i] for i in order),
        "chain": " > ".join(f"[{names[i]}]" for i in order),
        "lines": "\n".join(f"{n}. [{names[i]}] {titles[i]}" for n, i in enumerate(order, 1)),
        "titles": "\n".join(f"{n}. {titles[i]}" for n, i in enumerate(order, 1)),
    }[form]
    assert list(read_answer(text, titles).places) == list(order)


@pytest.mark.data
def test_recorded_answers_reach_the_published_numbers(llm_outputs_dir):
    tally = measure(recorded(llm_outputs_dir / "re2llm_movie.jsonl"))
    assert tally.answers == 500
    assert tally.unknown == pytest.approx(0.017 * 5000, abs=10)
    assert tally.hit_rate(10) == pytest.approx(0.388, abs=0.0005)
    assert tally.hit_rate(5) == pytest.approx(0.250, abs=0.0025)
    assert tally.ndcg(10) == pytest.approx(0.213, abs=0.0015)
    assert tally.nothing == 0
