"""TensorFlow as the product starts it, before any test imports it."""

import pytest

from pipeline.networks.start import start_tensorflow


@pytest.fixture(scope="session", autouse=True)
def tensorflow() -> None:
    start_tensorflow()


@pytest.fixture(autouse=True)
def same_weights_every_time(tensorflow: None) -> None:
    """Keras draws the weights of layers that a test builds from this seed."""
    import keras

    keras.utils.set_random_seed(0)
