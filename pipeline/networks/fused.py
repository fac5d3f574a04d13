"""Keras's LSTM layer, computed by one kernel per sequence where the configuration allows it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("pricecast")
class FusedLSTM(keras.layers.LSTM):  # type: ignore[misc]
    """A drop-in replacement of `keras.layers.LSTM` with the same weights, outputs, gradients and states.

    Faster on a CPU. The kernel supports only tanh and sigmoid, float32, and neither recurrent dropout nor
    masks; in any other configuration the layer computes as Keras does. The kernel is `BlockLSTM`, because the
    registered gradient of `BlockLSTMV2` is wrong.
    """

    @property
    def is_fusable(self) -> bool:
        """Whether the kernel supports this configuration, given that there is no mask."""
        activations = (keras.activations.tanh, keras.activations.sigmoid)
        return (
            (self.activation, self.recurrent_activation) == activations
            and not self.recurrent_dropout
            and not self.unroll
            and self.compute_dtype == "float32"
        )

    def inner_loop(
        self,
        sequences: tf.Tensor,
        initial_state: list[tf.Tensor],
        mask: Any,
        training: bool = False,  # noqa: FBT001, FBT002 - Keras's signature
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Compute last output (b, u), outputs (b, t, u) or (b, 1, u) and final states, as Keras does."""
        if mask is not None or not self.is_fusable:
            slow: tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]] = super().inner_loop(
                sequences, initial_state, mask, training=training
            )
            return slow
        if training and self.dropout:
            sequences = sequences * self.cell.get_dropout_mask(sequences[:, 0, :])[:, None, :]
        steps = tf.transpose(sequences, (1, 0, 2))
        outputs, carries = self._run(tf.reverse(steps, (0,)) if self.go_backwards else steps, *initial_state)
        last, carry = outputs[-1], carries[-1]
        shown = tf.transpose(outputs, (1, 0, 2)) if self.return_sequences else last[:, None, :]
        return last, shown, [last, carry]

    def _run(self, steps: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute outputs and cell states, (t, b, u) each, of (t, b, f) steps by the kernel."""
        unused = tf.zeros((self.units,))
        weights = tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)
        bias = self.cell.bias if self.use_bias else tf.zeros((4 * self.units,))
        run = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(tf.shape(steps)[0], tf.int64),
            x=steps,
            cs_prev=c,
            h_prev=h,
            w=_kernel_order(weights),
            wci=unused,
            wcf=unused,
            wco=unused,
            b=_kernel_order(bias),
            forget_bias=0.0,
            cell_clip=0.0,
            use_peephole=False,
        )
        return run.h, run.cs


def _kernel_order(weights: tf.Tensor) -> tf.Tensor:
    """Reorder gates along the last axis from Keras's order i, f, g, o to the kernel's i, g, f, o."""
    i, f, g, o = tf.split(weights, 4, axis=-1)
    return tf.concat([i, g, f, o], axis=-1)
