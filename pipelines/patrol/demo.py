"""The patrol that a demo leaves behind."""

import datetime as dt
from pathlib import Path

from imagery.atomic import whole
from pipelines.patrol.config import FILE

_TEXT = """\
# The patrol of the demo's steppe, night by night. Its home is the folder of this file:
#   export WEIXUN_HOME={home}
#   weixun patrol run --config {file} --night {first}        (存量 the inventory)
#   weixun patrol run --config {file} --night {second}
#   weixun patrol run --config {file} --night {third} --dry-run

[[watch]]
aoi = "steppe-{seed}/aoi.geojson"
archive = "steppe-{seed}/archive"
layers = "steppe-{seed}/layers"
layers_status = "simulated"

[before]
years = 1

[after]
first_days = 10

[keep]
min_free_gb = 0.5
"""


def write_patrol(out: Path, seed: int, looks: tuple[dt.date, ...]) -> Path:
    """Write the `patrol.toml` of a demo's folder.

    Args:
        out: the folder.
        seed: of its steppe.
        looks: days on which the steppe is seen after the changes; the first three are named as nights.
    """
    file = out / FILE
    first, second, third = (*looks, *looks[-1:] * 3)[:3]
    with whole(file) as part:
        part.write_text(
            _TEXT.format(home=out, file=file, seed=seed, first=first, second=second, third=third), encoding="utf-8"
        )
    return file
