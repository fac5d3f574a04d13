from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import examples

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

pytestmark = pytest.mark.tensorflow

SHAPES = ((3, 4), (4,), (2, 2))


def stepped(optimizer: keras.Optimizer, seed: int, steps: int) -> list[np.ndarray]:
    """The variables, momentums and velocities after so many steps along made gradients."""
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    variables = [keras.Variable(rng.normal(size=shape), dtype="float32") for shape in SHAPES]
    optimizer.build(variables)

    @tf.function
    def step(gradients: list[tf.Tensor]) -> None:
        optimizer.apply(gradients, variables)

    for _ in range(steps):
        scale = 10.0 ** rng.uniform(-4, 2)
        step([tf.constant(scale * rng.normal(size=shape), tf.float32) for shape in SHAPES])
    return [np.asarray(one) for one in (*variables, *optimizer.variables)]


@examples(15)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 20), rate=st.sampled_from([1e-4, 1e-2, 0.3]))
def test_it_moves_every_variable_as_kerass_adam_does(seed: int, steps: int, rate: float) -> None:
    import keras

    from pipeline.networks.fused_adam import FusedAdam

    ours, theirs = (stepped(kind(rate), seed, steps) for kind in (FusedAdam, keras.optimizers.Adam))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6 + 2e-4 * rate)


def test_it_clips_as_kerass_adam_does() -> None:
    import keras

    from pipeline.networks.fused_adam import FusedAdam

    ours, theirs = (
        stepped(kind(0.01, global_clipnorm=0.5), 1, 10) for kind in (FusedAdam, keras.optimizers.Adam)
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_schedule_reaches_it() -> None:
    import keras
    import tensorflow as tf

    from pipeline.networks.fused_adam import FusedAdam

    optimizer = FusedAdam(0.1)
    variable = keras.Variable(np.zeros(2), dtype="float32")
    optimizer.build([variable])
    step = tf.function(lambda: optimizer.apply([tf.ones(2)], [variable]))
    step()
    first = float(variable.value[0])
    optimizer.learning_rate.assign(0.0)
    step()
    assert first == pytest.approx(-0.1, rel=1e-4)
    assert float(variable.value[0]) == first
