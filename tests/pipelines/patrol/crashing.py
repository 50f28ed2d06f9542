"""A night that is killed again and again, in a process of its own: `python crashing.py WORLD HOME NIGHT`."""

import datetime as dt
import sys
from pathlib import Path

from pipelines.patrol import fingerprint

fingerprint.code_sha256 = lambda: "0" * 64  # type: ignore[assignment]  # whoever edits a file meanwhile changes nothing

from pipelines.patrol.config import PatrolConfig  # noqa: E402  # after the line above, which they take over
from pipelines.patrol.night import run_night  # noqa: E402


def config_of(world: Path) -> PatrolConfig:
    """As the tests' `config_of`."""
    watch = {"aoi": str(world / "aoi.geojson"), "archive": world / "archive", "detectors": ["land_disturbance"]}
    said = {"watch": [watch], "work": {"method": "training-free", "block_px": 192, "workers": 1}}
    quiet = {"notify": {"pdf": False}, "keep": {"min_free_gb": 0.01}, "after": {"first_days": 8}}
    return PatrolConfig.model_validate(said | quiet)


if __name__ == "__main__":
    ended = run_night(config_of(Path(sys.argv[1])), Path(sys.argv[2]), dt.date.fromisoformat(sys.argv[3]))
    print(int(ended.exit_code), flush=True)
