"""The learners by the names that people choose them by."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from re2llm.policy.training import Trainer

Method = Literal["top-two", "thompson", "linear", "uniform", "neural", "ppo", "static", "random"]


def make_trainer(method: Method) -> "Trainer":
    """Return the learner of this name."""
    from re2llm.policy.halving import Halving
    from re2llm.policy.lottery import Lottery
    from re2llm.policy.neural import NeuralThompson
    from re2llm.policy.ppo import PPO
    from re2llm.policy.thompson import Thompson, linear_thompson

    made: dict[Method, Trainer] = {
        "top-two": Thompson(),
        "thompson": Thompson(name="thompson", asking="thompson"),
        "linear": linear_thompson(),
        "uniform": Thompson(name="uniform", asking="uniform"),
        "neural": NeuralThompson(),
        "ppo": PPO(),
        "static": Halving(),
        "random": Lottery(),
    }
    return made[method]
