"""How values become brightness: one stretch for both dates, so that a change of colour is a change of the ground."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def limits(samples: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Least and greatest shown value of one band, from all samples together.

    Changed ground is often the brightest there is and covers little: the top lies above the 96th percentile by up to
    half of the ordinary range, and is never pulled further by a few white pixels (cloud, snow, roofs).

    Args:
        samples: arrays of any shape, NaN = not observed.

    Returns:
        Low < high; (0, 1) where nothing was observed.
    """
    seen = np.concatenate([sample[np.isfinite(sample)].ravel() for sample in samples]) if samples else np.empty(0)
    if seen.size == 0:
        return 0.0, 1.0
    low, middle, top = (float(value) for value in np.percentile(seen, (1, 96, 99.9)))
    high = min(top, middle + 0.5 * (middle - low))
    return low, max(high, low + 1e-6)
