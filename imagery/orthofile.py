"""The ortho image of a raw scene in an archive: made once, and known again."""

import hashlib
import json
from dataclasses import astuple
from pathlib import Path

from imagery.errors import InconsistentSceneError
from imagery.ortho import Heights, Raw, grid_of, made_from, orthorectify, parallax

RECIPE = 1
"""Raised when the same image would give other pixels."""


def orthofile(raw: Raw, heights: Heights, gsd_m: float, root: Path, scene_id: str, sha256: str) -> Path:
    """``ortho/<scene>.tif`` of an archive; written anew only when something it was made from changed.

    Args:
        raw: the image.
        heights: of the ground under it.
        gsd_m: pixel size wanted.
        root: the archive's folder.
        scene_id: names the file.
        sha256: of the image's bytes.

    Raises:
        InconsistentSceneError: if the archive holds that scene made from something else.
        UnreadableImageError: if the image can not be read to its end.
        ArchiveError: if the file can not be written.
    """
    file = root / "ortho" / f"{scene_id}.tif"
    mark = _mark(raw, heights, gsd_m, sha256)
    if made_from(file) == mark:
        return file
    if file.exists() and (root / "items" / f"{scene_id}.json").exists():
        raise InconsistentSceneError(
            f"{raw.path.name} would be the scene {scene_id}, which is in this archive made from other files or other "
            f'heights; give it another "id" in its sidecar, or remove {scene_id}.json from the archive first.'
        )
    orthorectify(raw, heights, grid_of(raw, heights, gsd_m), file, mark)
    return file


def _mark(raw: Raw, heights: Heights, gsd_m: float, sha256: str) -> str:
    terrain = heights.terrain.sha256 if heights.terrain is not None else ""
    made_of = [RECIPE, sha256, astuple(raw.model), raw.indexes, raw.nodata, terrain, heights.geoid_m, gsd_m]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


def in_words(raw: Raw, heights: Heights) -> dict[str, str]:
    """What a scene says of where its pixels lie, and how far off they may be."""
    lean = parallax(raw)
    told = {"rpc": "laid onto the ground by its RPC", "shift_m_per_m_of_height": f"{lean:.3f}"}
    if heights.terrain is None:
        model = raw.model
        told["heights"] = f"none at hand: all ground taken to lie at {model.height_off:.0f} m, the RPC's middle"
        told["expected_error_m"] = f"{lean * model.height_scale:.0f}"
        told["error_is"] = f"view angle × half the range of heights of the RPC ({model.height_scale:.0f} m)"
        return told
    low, high = heights.terrain.range_m
    files = ", ".join(file.name for file in heights.terrain.files[:8])
    datum = f"{heights.geoid_m:+g} m to the ellipsoid" if heights.geoid_m else "taken to count from the ellipsoid"
    told["heights"] = f"{files}: {low:.0f} to {high:.0f} m, {datum}"
    told["heights_sha256"] = heights.terrain.sha256
    if heights.terrain.known < 1:
        told["heights_known_pct"] = f"{heights.terrain.known * 100:.1f}"
    return told
