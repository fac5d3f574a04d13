"""Arrays to bytes and back: NumPy's `.npz`, never pickle."""

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def pack(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Named arrays as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(weights: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays that `pack` wrote, in the same order; ValueError if they would need pickle."""
    with np.load(io.BytesIO(weights), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
