"""What the tests of the STAC provider ask it for: both years of a small archive, patiently."""

import datetime as dt
from typing import Any

from imagery.remote.limits import Limits

S2 = "sentinel-2-l2a"
LIMITS = Limits(attempts=4, timeout_s=2.0, deadline_s=100, concurrency=4)
FIRST, LAST = dt.date(2023, 1, 1), dt.date(2024, 12, 31)


def brought(provider: Any, ground: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Scenes that came, and why others did not, by id."""
    fetched = provider.fetch(provider.search(ground, FIRST, LAST), ground, lambda: None)
    return {scene.id: scene for scene in fetched.scenes}, {one.scene_id: one.reason for one in fetched.quarantined}
