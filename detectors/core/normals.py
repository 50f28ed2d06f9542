"""Normals: what like pixels did between two dates in a region, fitted once and kept.

Decision 3 of the architecture: an artefact, not a computation. Fitted on a fixed lattice of pixels, stored, hashed,
listed in the run, never refitted silently. docs/design/normals.md holds what was tried.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from detectors.core import anomaly, coregister
from detectors.core.anomaly import Codebook, Regression, Standard
from detectors.core.errors import DetectorError, TooLittleGroundError
from detectors.core.types import BoolArray, FloatArray

REACH_PX = coregister.SHIFT_REACH_PX + anomaly.REACH_PX
"""How far any measure against the normals depends on its input, in pixels."""

MIN_SAMPLES = 1000
"""Lattice pixels observed at both dates below which nothing is called normal: ten for each coefficient."""

USUAL_PERCENTILE = 75
"""The score of a region is measured in units of this percentile of itself: a quarter of the ground may have changed
before the unit does, and unlike the median it lies on land where half the region is still water."""

_Group = TypeVar("_Group", Standard, Regression, Codebook)


@dataclass(frozen=True)
class Normals:
    """The unlabelled statistics of one pair of dates over one region."""

    bands: tuple[str, ...]
    """Bands used: present at both dates."""

    shift_px: tuple[float, float]
    """(row, col) by which after lies off before; sub-pixel."""

    shift_confident: bool
    """Whether the tiles agreed; a shift is applied only then, and only where `coregister.worth_applying`."""

    samples: int
    """Pixels it was fitted on."""

    reflectance: bool
    """False when fitted on DN of unknown scaling."""

    log_usual: float
    """Natural log of the raw score at `USUAL_PERCENTILE`."""

    standards: tuple[Standard, Standard]
    """Of before and after."""

    regressions: tuple[Regression, Regression]
    """After from before; before from after."""

    codebook: Codebook

    @property
    def sha256(self) -> str:
        """Hash of all its numbers: every field, and every array as little-endian float32."""
        digest = hashlib.sha256(self._facts().encode())
        for name, array in self._arrays().items():
            digest.update(f"{name}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    def to_bytes(self) -> bytes:
        """As a NumPy archive without pickles; `from_bytes` gives an equal object."""
        buffer = io.BytesIO()
        facts = np.frombuffer(self._facts().encode(), dtype=np.uint8)
        np.savez(buffer, allow_pickle=False, facts=facts, **self._arrays())
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Normals":
        """Read what `to_bytes` wrote.

        Raises:
            DetectorError: if it is something else.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                facts = json.loads(archive["facts"].tobytes())
                arrays = {name: np.asarray(archive[name], np.float32) for name in archive.files if name != "facts"}
            return cls(
                bands=tuple(facts["bands"]),
                shift_px=(facts["shift_px"][0], facts["shift_px"][1]),
                shift_confident=facts["shift_confident"],
                samples=facts["samples"],
                reflectance=facts["reflectance"],
                log_usual=facts["log_usual"],
                standards=(_gather(Standard, "before", arrays), _gather(Standard, "after", arrays)),
                regressions=(_gather(Regression, "forward", arrays), _gather(Regression, "backward", arrays)),
                codebook=_gather(Codebook, "codebook", arrays),
            )
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DetectorError(f"stored normals can not be read ({error}); delete them to have them fitted") from error

    def align(self, after: FloatArray) -> FloatArray:
        """(C, H, W) after image laid on before, where the shift is worth it; else as it is."""
        if coregister.worth_applying(self.shift_px, self.shift_confident):
            return coregister.shifted(after, self.shift_px)
        return after

    def _facts(self) -> str:
        facts = {
            "bands": self.bands,
            "shift_px": self.shift_px,
            "shift_confident": self.shift_confident,
            "samples": self.samples,
            "reflectance": self.reflectance,
            "log_usual": self.log_usual,
        }
        return json.dumps(facts, sort_keys=True)

    def _arrays(self) -> dict[str, FloatArray]:
        groups: dict[str, Standard | Regression | Codebook] = {
            "before": self.standards[0],
            "after": self.standards[1],
            "forward": self.regressions[0],
            "backward": self.regressions[1],
            "codebook": self.codebook,
        }
        return {
            f"{name}.{field.name}": getattr(group, field.name)
            for name, group in groups.items()
            for field in fields(group)
        }


def _gather(kind: type[_Group], name: str, arrays: dict[str, FloatArray]) -> _Group:
    return kind(**{field.name: arrays[f"{name}.{field.name}"] for field in fields(kind)})


def fit(
    chips: Sequence[tuple[FloatArray, FloatArray]],
    bands: tuple[str, ...],
    *,
    reflectance: bool = True,
    lattice_step: int = 3,
) -> Normals:
    """Fit the normals of a region.

    Args:
        chips: (before, after) windows of a fixed lattice, each (C, h, w), NaN = not observed.
        bands: names of the C bands; one that is missing at either date is not used.
        reflectance: False for DN of unknown scaling.
        lattice_step: every n-th pixel of a chip, in both directions from its own corner, is a sample.

    Raises:
        TooLittleGroundError: if fewer than `MIN_SAMPLES` samples were observed at both dates.
    """
    used = _common_bands(chips)
    if not used:
        raise TooLittleGroundError("no band was observed at both dates: widen one of the date ranges")
    chips = [(before[used], after[used]) for before, after in chips]
    shift_px, confident = coregister.estimate_shift(chips)
    if coregister.worth_applying(shift_px, confident):
        chips = [(before, coregister.shifted(after, shift_px)) for before, after in chips]
    lattices = [_lattice(before, after, lattice_step) for before, after in chips]
    samples = sum(int(lattice.sum()) for lattice in lattices)
    if samples < MIN_SAMPLES:
        raise TooLittleGroundError(
            f"only {samples} sample pixels were observed at both dates, {MIN_SAMPLES} are needed to say what is "
            "normal: widen a date range or the area"
        )
    standards = (_standard([pair[0] for pair in chips], lattices), _standard([pair[1] for pair in chips], lattices))
    book = anomaly.codebook(len(used))
    regressions = _regress(chips, lattices, standards, book)
    scores = [
        anomaly.measure(pair, standards, regressions, book).log_score[lattice]
        for pair, lattice in zip(chips, lattices, strict=True)
    ]
    return Normals(
        bands=tuple(bands[index] for index in used),
        shift_px=shift_px,
        shift_confident=confident,
        samples=samples,
        reflectance=reflectance,
        log_usual=float(np.percentile(np.concatenate(scores), USUAL_PERCENTILE)),
        standards=standards,
        regressions=regressions,
        codebook=book,
    )


def _common_bands(chips: Sequence[tuple[FloatArray, FloatArray]]) -> list[int]:
    """Bands seen at both dates on at least half of the ground of the band seen most."""
    seen = sum((np.isfinite(b) & np.isfinite(a)).sum(axis=(1, 2)) for b, a in chips)
    return [index for index, count in enumerate(np.atleast_1d(seen)) if count > 0 and 2 * count >= np.max(seen)]


def _lattice(before: FloatArray, after: FloatArray, step: int) -> BoolArray:
    """(h, w) True on the sample pixels."""
    lattice = np.zeros(before.shape[1:], bool)
    lattice[::step, ::step] = True
    return lattice & anomaly.seen(before) & anomaly.seen(after)


def _standard(images: list[FloatArray], lattices: list[BoolArray]) -> Standard:
    samples = np.concatenate([image[:, lattice] for image, lattice in zip(images, lattices, strict=True)], axis=1)
    centre, spread = _centre_spread(samples)
    plain = Standard(centre, spread, np.array([0, 1], np.float32))
    textures = []
    for image, lattice in zip(images, lattices, strict=True):
        observed = anomaly.seen(image)
        textures.append(anomaly.log_texture(anomaly.standardise(image, observed, plain), observed)[lattice])
    texture = _centre_spread(np.concatenate(textures)[None])
    return Standard(centre, spread, np.concatenate(texture))


def _centre_spread(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median and half the 16–84 distance of each row; a constant row gets the spread 1."""
    low, centre, high = np.percentile(samples, (16, 50, 84), axis=1).astype(np.float32)
    spread = (high - low) / 2
    spread = np.where(spread > 0, spread, samples.std(axis=1))
    return centre, np.where(spread > 0, spread, 1).astype(np.float32)


def _regress(
    chips: Sequence[tuple[FloatArray, FloatArray]],
    lattices: list[BoolArray],
    standards: tuple[Standard, Standard],
    book: Codebook,
) -> tuple[Regression, Regression]:
    described: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    targets: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for pair, lattice in zip(chips, lattices, strict=True):
        for date in (0, 1):
            observed = anomaly.seen(pair[date])
            z = anomaly.standardise(pair[date], observed, standards[date])
            described[date].append(anomaly.describe(z, observed, standards[date])[:, lattice])
            targets[date].append(z[:, lattice])
    x, y = ([np.concatenate(parts, axis=1) for parts in both] for both in (described, targets))
    return anomaly.fit_regression(x[0], y[1], book), anomaly.fit_regression(x[1], y[0], book)
