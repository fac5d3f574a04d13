"""Keras's Adam, with the update of each variable computed by one kernel."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """A drop-in replacement of `keras.optimizers.Adam` with the same state and results.

    In small networks, Adam's many small operations are most of the cost of training. With gradient clipping
    it computes as Keras does. It requires dense float32 gradients of all its variables.
    """

    def apply(self, grads: list[tf.Tensor], trainable_variables: list[keras.Variable] | None = None) -> Any:
        """Apply one step of Adam (Kingma and Ba 2015, with bias correction in the learning rate)."""
        if self.global_clipnorm:
            return super().apply(grads, trainable_variables)
        self.iterations.assign_add(1)
        step = tf.cast(self.iterations.value, tf.float32)
        powers = {"beta1_power": self.beta_1**step, "beta2_power": self.beta_2**step}
        states = zip(grads, trainable_variables or [], self._momentums, self._velocities, strict=True)
        for gradient, variable, momentum, velocity in states:
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=momentum.value.handle,
                v=velocity.value.handle,
                lr=self.learning_rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=gradient,
                **powers,
            )
        return None
