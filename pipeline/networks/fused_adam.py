"""Keras's Adam with the whole update of a variable in one kernel."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """`keras.optimizers.Adam` in state and results; for small networks its many small operations cost most.

    With clipped gradients it computes as Keras does. For dense float32 gradients of all its variables.
    """

    def apply(self, grads: list[tf.Tensor], trainable_variables: list[keras.Variable] | None = None) -> Any:
        """One step (Kingma and Ba 2015, with the bias corrections in the learning rate)."""
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
