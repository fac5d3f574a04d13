"""Convert arrays to bytes and back, in NumPy's `.npz` format without pickle."""

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def pack(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Convert named arrays to bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(weights: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Read the arrays that `pack` wrote, in the same order; ValueError if they would need pickle."""
    with np.load(io.BytesIO(weights), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
