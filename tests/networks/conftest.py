"""TensorFlow as the product starts it, before any test imports it."""

import pytest

from pipeline.networks.start import start_tensorflow


@pytest.fixture(scope="session", autouse=True)
def tensorflow() -> None:
    start_tensorflow()
