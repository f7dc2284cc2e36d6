"""For all tests: speed is measured in benchmarks, never here."""

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the long tests evenly, so that workers side by side share them."""
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    for n, item in enumerate(long):
        others.insert(n * (len(others) + 1) // len(long), item)
    items[:] = others
