"""What went right, to be learnt from beside what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.graph.cases import Case
from re2llm.graph.measure import Measure
from re2llm.llm.reflection import Failure, Success
from re2llm.policy.features import session_features


@dataclass(slots=True)
class Successes:
    """Sessions in which the item taken was shown: by the plain question, or thanks to a hint.

    Which hint repaired which session is read from the answers that trials paid for already, so
    that nothing here costs a call.
    """

    measure: Measure
    _features: list[NDArray[np.float32]] = field(default_factory=list)
    _found: list[Success] = field(default_factory=list)

    def plain(self, case: Case, order: Sequence[str]) -> None:
        """Note a session whose item was shown without a hint."""
        self._features.append(case.features)
        self._found.append(Success(task=case.task, order=tuple(order), target=case.target))

    def hinted(self, missed: Sequence[Case], hint: str) -> list[Case]:
        """Note the missed sessions that this hint is known to have repaired, and return them."""
        repaired = []
        for case in missed:
            order = self.measure.recalled(case.task, hint)
            if order is None or case.target not in order[: case.task.k]:
                continue
            task = replace(case.task, hint=hint)
            self._features.append(case.features)
            self._found.append(Success(task=task, order=tuple(order), target=case.target))
            repaired.append(case)
        return repaired

    def like(self, failure: Failure) -> Success | None:
        """Return the success whose session looks most like this one, never the same session's."""
        if not self._found:
            return None
        task = failure.task
        features = np.stack(self._features)
        spread = features.std(axis=0)
        own = session_features(task.session, task.candidates, task.request)
        far = np.square((features - own) / np.where(spread > 0, spread, 1)).mean(axis=1)
        for place in np.argsort(far, kind="stable"):
            found = self._found[int(place)]
            if found.task.session != task.session:
                return found
        return None
