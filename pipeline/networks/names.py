"""The Keras optimizers, losses and activations that settings may name.

They are listed here so that an unknown name is an error before TensorFlow is imported.
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
"""Keras's names of the losses that have a shorter name in the settings."""
