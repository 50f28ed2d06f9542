"""A block's result as named arrays and back: npz without pickles."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from aoi.grid import Block
from leads.model import Coverage
from leads.raster import packed_image, unpacked_image
from leads.vectorize import Fragment
from pipelines.block import BlockResult, ground_of
from pipelines.outputs import Looks
from pipelines.patrol.recorder import Recording
from pipelines.plan import Plan


def packed(result: BlockResult, recording: Recording) -> dict[str, NDArray[Any]]:
    """A result as named arrays: the pieces of all detectors end to end, and a JSON that says where each begins."""
    pieces = [(name, piece) for name, found in sorted(result.fragments.items()) for piece in found]
    facts = {
        "block": result.block.id,
        "coverage": [
            [row.role, row.date.isoformat(), row.observed, row.cloudy, row.snow, row.no_scene]
            for row in result.coverage
        ],
        "clear": {day.isoformat(): ground.wkb.hex() for day, ground in result.clear.items()},
        "detectors": sorted(result.fragments),
        "pieces": [_piece_facts(name, piece) for name, piece in pieces],
        "looks": {
            name: [[day.isoformat() for day in looks.days], list(looks.held_against)]
            for name, looks in recording.looks.items()
        },
    }
    arrays: dict[str, NDArray[Any]] = {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    for name, width in _ARRAYS.items():
        arrays[name] = np.concatenate([np.empty((0, width), np.int32), *(getattr(p, name) for _, p in pieces)])
    for name, looks in recording.looks.items():
        arrays |= {f"pixels.{name}": looks.pixels, f"looks.{name}": looks.scores, f"before.{name}": looks.before}
    if recording.images is not None:
        arrays |= {name: packed_image(image) for name, image in zip(IMAGES, recording.images, strict=True)}
    return arrays


IMAGES = ("image_before", "image_after")
"""Names of the images among the arrays of a result."""

_ARRAYS: Mapping[str, int] = {"runs": 3, "border": 2, "seam": 2}
"""The arrays of a piece and their widths."""


def _piece_facts(name: str, piece: Fragment) -> dict[str, Any]:
    return {
        "detector": name,
        "epsg": piece.epsg,
        "gsd_m": piece.gsd_m,
        "lengths": [len(getattr(piece, array)) for array in _ARRAYS],
        "score_max": float(piece.score_max),
        "score_sum": float(piece.score_sum),
        "pixels": int(piece.pixels),
        "transitions": [int(count) for count in piece.transitions],
        "edge": bool(piece.edge),
        "blind": bool(piece.blind),
    }


def unpacked(arrays: Mapping[str, NDArray[Any]], plan: Plan, block: Block) -> tuple[BlockResult, Recording]:
    """What `packed` made.

    Raises:
        ValueError: if it is of another block.
        KeyError: if something is missing.
    """
    facts = json.loads(arrays["facts"].tobytes())
    if facts["block"] != block.id:
        raise ValueError(f"the kept block is {facts['block']}")
    pieces: dict[str, list[Fragment]] = {name: [] for name in facts["detectors"]}
    starts = dict.fromkeys(_ARRAYS, 0)
    for said in facts["pieces"]:
        parts = {}
        for name, length in zip(_ARRAYS, said.pop("lengths"), strict=True):
            parts[name] = arrays[name][starts[name] : starts[name] + length]
            starts[name] += length
        detector = said.pop("detector")
        pieces[detector].append(Fragment(**said | parts | {"transitions": tuple(said["transitions"])}))
    ground = ground_of(plan, block)
    coverage = tuple(
        Coverage(block.id, role, dt.date.fromisoformat(day), ground, *shares)
        for role, day, *shares in facts["coverage"]
    )
    clear = {dt.date.fromisoformat(day): shapely.from_wkb(wkb) for day, wkb in facts["clear"].items()}
    result = BlockResult(block, {name: tuple(found) for name, found in pieces.items()}, coverage, (), clear)
    looks = {
        name: Looks(
            arrays[f"pixels.{name}"],
            arrays[f"looks.{name}"],
            tuple(map(dt.date.fromisoformat, days)),
            arrays[f"before.{name}"],
            tuple(against),
        )
        for name, (days, against) in facts["looks"].items()
    }
    before, after = (unpacked_image(arrays[name]) if name in arrays else None for name in IMAGES)
    images = None if before is None or after is None else (before, after)
    return result, Recording(looks, images)
