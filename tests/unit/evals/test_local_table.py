"""Each part of the sessions is judged by a weight that was learnt on the other part."""

import json

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.evals.local_table import Asked, Tape, Told, judge, lines
from re2llm.evals.local_trials import Trial, read_trials
from re2llm.evals.metrics import ndcg
from re2llm.llm.ranking import RankAnswer, RankTask

IDS = [f"i{n}" for n in range(12)]


def asked(sessions: int, *, knows: bool) -> Asked:
    """Return sessions whose target retrieval puts last, with answers that put it first or last."""
    found = tuple(
        Candidate(item=Item(item_id=i, title=i), score=1 - n / 12) for n, i in enumerate(IDS)
    )
    order = tuple(reversed(IDS)) if knows else tuple(IDS)
    trials = [
        Trial(
            session_id=f"s{n}",
            task=RankTask(session=(), candidates=found),
            candidates=found,
            target=IDS[-1],
        )
        for n in range(sessions)
    ]
    answer = RankAnswer(order=order, listed=12)
    return Asked(trials=trials, told=[Told(answer=answer, seconds=1.0, output_tokens=2)] * sessions)


def test_a_half_is_judged_by_the_weight_of_the_other():
    wise, foolish = asked(20, knows=True), asked(10, knows=False)
    row = judge("way", [(wise, foolish), (foolish, wise)])
    assert row.weights[0] > 0
    assert row.weights[1] == 0
    assert list(row.alone) == [12] * 10 + [1] * 20
    assert row.fused is not None
    assert list(row.fused) == [12] * 30, "nothing was gained where nothing could be learnt"
    (learnt,) = judge("way", [(wise, wise)]).weights
    assert ndcg(judge("way", [(wise, wise)]).fused, 10).mean() == 1
    assert learnt == row.weights[0]
    assert "0.00" in list(lines([row], row.alone))[1]


def test_retrieval_learns_from_training_sessions_alone_where_the_others_are_judged(tmp_path):
    def write(name, rows):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")

    def sessions(name, count, target):
        return [
            {"session_id": f"{name}-{n}", "items": ["i0"], "target": target, "candidates": IDS}
            for n in range(count)
        ]

    write("items", [{"item_id": i, "title": f"Game {i}"} for i in IDS])
    write("train", sessions("train", 100, "i5"))
    seen = []
    for last in ("i7", "i9"):
        write("valid", sessions("valid", 30, last))
        write("test", sessions("test", 3, last))
        made = read_trials(tmp_path, valid=10, test=3, both=True)
        assert [len(made.valid), len(made.test)] == [10, 3]
        assert made.test[0].candidates[0].item.item_id == "i5"
        seen.append([one.score for one in made.test[0].candidates])
    assert seen[0] == seen[1], "validation sessions changed what retrieval thinks"


def test_what_was_told_is_told_again_short_answers_too(tmp_path):
    answer = RankAnswer(order=("i2", "i1"), listed=1, degraded="the model named 1 of 2 candidates")
    told = Told(answer=answer, seconds=3.5, output_tokens=7)
    Tape(tmp_path / "tape.jsonl").keep("listwise s1", told)
    again = Tape(tmp_path / "tape.jsonl")
    assert again.get("listwise s1") == told
    assert again.get("listwise s2") is None
