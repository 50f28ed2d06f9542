"""What Prefect's page shows of a night: coverage, leads, some of their pictures, and where the bulletin lies."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

from prefect.artifacts import create_image_artifact, create_link_artifact, create_table_artifact

from leads.quicklook import file_stem
from pipelines.patrol.area import FOUND
from pipelines.patrol.files import Places, read_json
from pipelines.patrol.night import Night

PICTURED = 4
"""Leads of a night whose pictures are shown; the bulletin has them all."""

PICTURE_PX = 320


def leave_artifacts(ended: Night, home: Path) -> None:
    """Tell Prefect what came of a night.

    Args:
        ended: the night.
        home: whose results hold the pictures.
    """
    rows = [
        {"aoi": one.aoi, "observed": f"{one.observed_share:.0%}", "blocks": f"{one.worked}/{one.due}",
         "days": ", ".join(one.days), "failed": len(one.failed), "error": one.error}
        for one in ended.areas
    ]  # fmt: skip
    create_table_artifact(rows, key="coverage", description=f"coverage of {ended.night}")
    counts = [{"aoi": one.aoi, **{word: len(ids) for word, ids in ended.news.get(one.aoi, {}).items()}}
              for one in ended.areas]  # fmt: skip
    create_table_artifact(counts, key="leads", description=f"leads of {ended.night}")
    for number, (name, picture) in enumerate(pictures_of(ended, home), start=1):
        create_image_artifact(picture, key=f"lead-{number}", description=f"{name}: 前 before, 后 after")
    if ended.bulletin:
        create_link_artifact(ended.bulletin.as_uri(), "bulletin", key="bulletin", description=f"of {ended.night}")


def pictures_of(ended: Night, home: Path) -> Iterator[tuple[str, str]]:
    """(lead, before and after side by side as a data URI) of the first leads that the night's scans found."""
    places = Places(home)
    shown = 0
    for area in ended.areas:
        folder = places.result(ended.night, area.aoi, ended.turn)
        for found in read_json(folder / FOUND).get("found", []):
            stem = folder / found["day"].replace("-", "") / "quicklook" / file_stem(found["id"])
            both = [stem.with_name(f"{stem.name}_{role}.png") for role in ("before", "after")]
            if shown < PICTURED and all(file.is_file() for file in both):
                shown += 1
                yield found["id"], _side_by_side(both)


def _side_by_side(files: list[Path]) -> str:
    from PIL import Image

    parts = []
    for file in files:
        with Image.open(file) as picture:
            part = picture.convert("RGB")
            part.thumbnail((PICTURE_PX, PICTURE_PX))
            parts.append(part)
    whole = Image.new("RGB", (sum(part.width for part in parts) + 4, max(part.height for part in parts)), "white")
    whole.paste(parts[0], (0, 0))
    whole.paste(parts[1], (whole.width - parts[1].width, 0))
    buffer = io.BytesIO()
    whole.save(buffer, format="JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
