"""Keras's LSTM layer with a whole sequence in one kernel, wherever the configuration allows it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("pricecast")
class FusedLSTM(keras.layers.LSTM):  # type: ignore[misc]
    """`keras.layers.LSTM` in weights, outputs, gradients, states, saving and loading; faster on a CPU.

    The kernel knows tanh and sigmoid and no recurrent dropout, masks or double precision; with any of these
    the layer computes as Keras does. It is `BlockLSTM`: the registered gradient of `BlockLSTMV2` is wrong.
    """

    @property
    def is_fusable(self) -> bool:
        """Whether this configuration, without a mask, runs in the kernel."""
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
        """(b, u) last output, (b, t, u) or (b, 1, u) outputs and the final states, as Keras's own."""
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
        """(t, b, u) outputs and carries of (t, b, f) steps."""
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
    """Keras's gates i, f, g, o along the last axis in the kernel's order i, g, f, o."""
    i, f, g, o = tf.split(weights, 4, axis=-1)
    return tf.concat([i, g, f, o], axis=-1)
