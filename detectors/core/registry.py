"""Which detectors there are: the files of this package, and packs that other distributions offer by entry point."""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points

import detectors
from detectors.core.errors import DetectorError, UnknownDetectorError
from detectors.core.types import Detector

ENTRY_POINT_GROUP = "weixun.detectors"


@cache
def all_detectors() -> dict[str, Detector]:
    """Every installed detector by id, in alphabetical order. Listing them imports neither torch nor rasterio.

    Raises:
        DetectorError: if a file or pack holds no `Detector`, or an id is taken twice.
    """
    found: dict[str, Detector] = {}
    for module in pkgutil.iter_modules(detectors.__path__):
        if not module.ispkg:
            detector = getattr(importlib.import_module(f"detectors.{module.name}"), "DETECTOR", None)
            _admit(found, detector, f"detectors/{module.name}.py", expected_id=module.name)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        _admit(found, entry.load(), f"entry point {entry.value}", expected_id=entry.name)
    return dict(sorted(found.items()))


def _admit(found: dict[str, Detector], detector: object, origin: str, expected_id: str) -> None:
    if not isinstance(detector, Detector):
        raise DetectorError(f"{origin} holds no DETECTOR; end it with `DETECTOR = Detector(...)`")
    if detector.id != expected_id:
        raise DetectorError(f"{origin} calls its detector {detector.id!r}; the id must be {expected_id!r}")
    if detector.id in found:
        raise DetectorError(f"{origin} offers detector {detector.id!r}, which exists already")
    found[detector.id] = detector


def choose(ids: Sequence[str]) -> tuple[Detector, ...]:
    """The detectors of these ids, each once; none or ``all`` means every detector.

    Raises:
        UnknownDetectorError: naming the id and those that are installed.
    """
    known = all_detectors()
    if not ids or "all" in ids:
        return tuple(known.values())
    for wanted in ids:
        if wanted not in known:
            raise UnknownDetectorError(f"no detector {wanted!r}; installed are: {', '.join(known)}")
    return tuple(known[wanted] for wanted in dict.fromkeys(ids))
