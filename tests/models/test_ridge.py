import numpy as np

from pipeline.models.ridge import Ridge, RidgeParameters
from pipeline.types import Windows
from tests.made import made_windows


def test_the_penalty_is_the_one_that_forecasts_the_validation_block_best() -> None:
    learnable = Ridge(RidgeParameters((1e-3, 1e6))).fit(
        made_windows(200, 3, 2, 2), made_windows(80, 3, 2, 2, seed=1), 0
    )
    assert learnable.alpha == 1e-3


def test_coefficients_solve_the_penalised_normal_equations() -> None:
    training = made_windows(120, 3, 2, 2)
    nothing = Windows(training.rows[:0], training.values[:0], training.targets[:0])
    fitted = Ridge(RidgeParameters((10.0,))).fit(training, nothing, 0)
    inputs = training.values.reshape(120, -1)
    centred, targets = inputs - inputs.mean(axis=0), training.targets - training.targets.mean(axis=0)
    solution = np.linalg.solve(centred.T @ centred + 10.0 * np.eye(6), centred.T @ targets)
    np.testing.assert_allclose(fitted.coefficients, solution.T, atol=1e-9)
