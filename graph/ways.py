"""Which reranker a setting names."""

from collections.abc import Sequence

from re2llm.catalog.items import Item
from re2llm.llm.client import ModelClient
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.likelihood import ClientScorer, LikelihoodReranker, some_items
from re2llm.llm.passes import ShuffledPasses
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.windows import SlidingWindow
from re2llm.nodes.protocols import Reranker
from re2llm.settings import Settings


def make_reranker(
    settings: Settings, client: ModelClient, scorer: ModelClient | None, items: Sequence[Item]
) -> Reranker:
    """Make what asks the model for an order, in the way that the settings say.

    Args:
        settings: the way, and the seconds for a slate.
        client: asks for words.
        scorer: asks for log-probabilities, where the way needs them.
        items: the catalogue's.
    """
    seconds = settings.timeout
    listwise = ListwiseReranker(client=client, places=settings.places, deadline=seconds)
    match settings.way:
        case "listwise":
            return listwise
        case "first-token":
            return FirstTokenReranker(client=client, deadline=seconds)
        case "windows":
            return SlidingWindow(reranker=listwise, deadline=seconds)
        case "passes":
            return ShuffledPasses(reranker=listwise, seed=settings.seed, deadline=seconds)
        case "likelihood":
            return LikelihoodReranker(
                scorer=ClientScorer(client=scorer or client),
                others=some_items(items, seed=settings.seed),
                deadline=seconds,
            )
