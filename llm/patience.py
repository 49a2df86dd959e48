"""How long and how often a model is asked before it is given up on."""

import random
from dataclasses import dataclass

from re2llm.llm.errors import AnswerUnreadable, ModelError, ModelUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often to try.

    Attributes:
        deadline: seconds for one question, all attempts and waits included.
        attempts: requests per question at most, where the server fails.
        readable: requests per question at most, where it answers but unusably.
        share: the part of the remaining time that one attempt gets while others may follow.
        pause: seconds before the second attempt; doubled from then on, and shaken.
        longest_answer: tokens that an answer is taken to have at most, for the budget.
    """

    deadline: float = 30.0
    attempts: int = 4
    readable: int = 2
    share: float = 0.6
    pause: float = 0.25
    longest_answer: int = 4096

    def wait(self, error: ModelError, failed: int, lot: random.Random) -> float:
        """Return the seconds before the next attempt, after so many failed ones."""
        if isinstance(error, AnswerUnreadable):
            return 0.0
        if isinstance(error, ModelUnavailable) and error.wait is not None:
            return error.wait
        return self.pause * 2.0 ** (failed - 1) * lot.uniform(0.5, 1.5)
