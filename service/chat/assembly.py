"""The conversation's steps, put together around an opened recommender."""

from re2llm.errors import UserError
from re2llm.graph.parts import Parts
from re2llm.llm.standin.model import IDENTITY as STAND_IN_IDENTITY
from re2llm.service.chat.answer import Answer
from re2llm.service.chat.builder import ChatSteps
from re2llm.service.chat.by_model import ByModel
from re2llm.service.chat.fit import Fitting
from re2llm.service.chat.listen import Understand, Understanding
from re2llm.service.chat.plain import ByRules
from re2llm.service.chat.shelf import Shelf
from re2llm.service.chat.steps import (
    MakesSlates,
    Recommend,
    TakeFeedback,
    TakesFeedback,
    Write,
)
from re2llm.service.chat.vocabulary import Vocabulary

_SHARE = 1 / 3
"""The part of a slate's time that understanding may take before the rules take over."""


def chat_steps(parts: Parts, slates: MakesSlates, feedback: TakesFeedback) -> ChatSteps:
    """Make the steps. Reads the whole catalogue, so call it beside the event loop.

    Args:
        parts: the opened shop.
        slates: makes slates and notes them.
        feedback: takes what shoppers say of slates.

    Raises:
        UserError: a model is to read messages and none is set.
    """
    catalog = parts.catalog
    vocabulary = Vocabulary(catalog, lambda: parts.stock.retriever)
    shelf = Shelf(now=lambda: parts.stock.retriever)
    return ChatSteps(
        understand=Understand(
            catalog=catalog,
            vocabulary=vocabulary,
            understanding=_understanding(parts, vocabulary),
            shelf=shelf,
        ),
        recommend=Recommend(
            catalog=catalog,
            slates=slates,
            fitting=Fitting(shelf=shelf, vocabulary=vocabulary),
            tenant=parts.settings.tenant,
        ),
        feedback=TakeFeedback(catalog=catalog, feedback=feedback),
        answer=Answer(catalog=catalog),
        write=Write(catalog=catalog),
    )


def check_reader(parts: Parts) -> None:
    """Refuse a reader of messages that is not there.

    Raises:
        UserError: a model is to read messages and none is set.
    """
    if parts.settings.chat_understanding == "model" and parts.identity == STAND_IN_IDENTITY:
        raise UserError(
            "setting 'chat_understanding' (RE2LLM_CHAT_UNDERSTANDING) is 'model', and the offline "
            "stand-in reads no messages; set RE2LLM_MODEL, or leave it at 'auto'"
        )


def _understanding(parts: Parts, vocabulary: Vocabulary) -> Understanding:
    """Return what reads messages: the model where one is set, unless the rules are asked for."""
    check_reader(parts)
    if parts.settings.chat_understanding == "rules" or parts.identity == STAND_IN_IDENTITY:
        return ByRules(vocabulary)
    return ByModel(vocabulary, parts.client, deadline=_SHARE * parts.settings.timeout)
