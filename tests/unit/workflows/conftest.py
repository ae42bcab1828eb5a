"""What the tests of the workflows share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from abscope.workflows.context import Context, open_context
from tests.fixtures.archives import settings_of


@pytest.fixture
def context(tmp_path) -> Iterator[Context]:
    """An empty archive of its own."""
    opened = open_context(settings_of(tmp_path / "home"))
    yield opened
    opened.archive.close()
