"""Real prices are not part of the project; `PRICECAST_REAL_DATA` names a folder that holds them."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("PRICECAST_REAL_DATA")
    if not folder:
        pytest.skip("set PRICECAST_REAL_DATA to a folder with real prices")
    return Path(folder)
