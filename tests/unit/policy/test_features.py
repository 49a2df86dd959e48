import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import AttributeValue, Item
from re2llm.policy.features import FEATURE_GROUPS, FEATURE_NAMES, SOURCES, session_features


def item(number: int, title: str = "", **attributes: AttributeValue) -> Item:
    return Item(item_id=f"i{number}", title=title or f"thing {number}", attributes=attributes)


def candidate(number: int, score: float = 0.0, title: str = "", **given: float) -> Candidate:
    return Candidate(item=item(number, title), score=score, evidence=given)


def named(*given: object) -> dict[str, float]:
    values = session_features(*given)  # type: ignore[arg-type]
    return dict(zip(FEATURE_NAMES, values.tolist(), strict=True))


values = st.one_of(
    st.text(max_size=5),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.lists(st.text(max_size=3), max_size=3).map(tuple),
)
items = st.builds(
    Item,
    item_id=st.text(max_size=3),
    title=st.text(max_size=20),
    attributes=st.dictionaries(
        st.sampled_from(["brand", "category", "platform", "genres", "year", "price"]), values
    ),
)
candidates = st.builds(
    Candidate,
    item=items,
    score=st.floats(-9, 9),
    evidence=st.dictionaries(st.sampled_from(SOURCES), st.floats(-9, 9)),
)


@settings(max_examples=80)
@given(st.lists(items, max_size=5), st.lists(candidates, max_size=6), st.none() | st.text())
def test_any_session_has_finite_bounded_features(
    session: list[Item], found: list[Candidate], request: str | None
) -> None:
    features = session_features(session, found, request)
    assert features.shape == (len(FEATURE_NAMES),)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert abs(features).max() <= 8


def test_the_order_of_the_candidates_says_nothing() -> None:
    found = [candidate(n, score=float(n % 7), text=float(n % 5)) for n in range(1, 12)]
    session = [item(1), item(2)]
    np.testing.assert_allclose(
        session_features(session, found, None),
        session_features(session, found[::-1], None),
        atol=1e-6,
    )


def test_a_peaked_source_is_told_from_a_flat_one() -> None:
    peaked = [candidate(n, text=10.0 if n == 3 else n / 100) for n in range(20)]
    flat = [candidate(n, text=n / 100) for n in range(20)]
    assert named([], peaked, None)["text_peak"] > named([], flat, None)["text_peak"]
    assert named([], peaked, None)["text_gap"] > named([], flat, None)["text_gap"]


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, -1.0)])
def test_agreement_is_the_correlation_of_sources(sign: float, expected: float) -> None:
    found = [candidate(n, text=float(n), popularity=sign * n) for n in range(8)]
    assert named([], found, None)["sources_agree"] == pytest.approx(expected)


def test_kinds_words_era_and_price_of_the_session_are_found_among_the_candidates() -> None:
    session = [item(0, "Mario Kart 8", brand="Nintendo", platform="Switch", year=2017, price=50)]
    like = Candidate(
        item=item(1, "Mario Party", brand="nintendo", platform="Switch", year=2018, price=45),
        score=1.0,
    )
    unlike = Candidate(
        item=item(2, "Forza", brand="Microsoft", platform="Xbox", year=2005, price=5), score=0.0
    )
    found = named(session, [like, unlike, unlike, unlike], None)
    for name in ("brand_share", "platform_share", "year_near_share", "price_near_share"):
        assert found[name] == pytest.approx(0.25), name
    assert found["words_best"] == pytest.approx(0.5)
    assert found["words_share"] == pytest.approx(0.25)


def test_a_request_counts_by_the_words_that_titles_share_with_it() -> None:
    found = [candidate(1, title="co-op racing game"), candidate(2, title="chess")]
    asked = named([], found, "racing game please")
    assert asked["request_given"] == 1
    assert asked["request_words_best"] == pytest.approx(2 / 3)
    assert named([], found, None)["request_given"] == 0


def test_repeats_and_focus_describe_the_session() -> None:
    again = [item(1, brand="a"), item(2, brand="b"), item(1, brand="a")]
    found = named(again, [], None)
    assert found["session_repeats"] == pytest.approx(1 / 3)
    assert found["session_brand_focus"] == pytest.approx(0.5)
    assert named([item(1)], [], None)["session_single"] == 1


def test_every_feature_is_in_one_group() -> None:
    assert FEATURE_GROUPS.sum(axis=0).tolist() == [1] * len(FEATURE_NAMES)
    assert FEATURE_GROUPS.any(axis=1).all()
