"""What the knowledge base's tests share."""

import pytest
from kb_helpers import WordEncoder


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()
