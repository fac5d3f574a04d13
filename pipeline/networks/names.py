"""The optimizers, losses and activations that settings may name: Keras's, by Keras's names.

Listed here so that a wrong name is refused before TensorFlow is loaded.
"""

from collections.abc import Mapping

OPTIMIZERS = (
    *("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam"),
    *("rmsprop", "sgd"),
)
LOSSES = ("cosine", "huber", "log_cosh", "mae", "mape", "mse", "msle")
ACTIVATIONS = (
    *("celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear"),
    *("log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "swish"),
    "tanh",
)
KERAS_LOSSES: Mapping[str, str] = {"cosine": "cosine_similarity"}
"""What Keras calls the losses that go by a shorter name here."""
