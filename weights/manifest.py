"""What is known of trained weights: where they come from, what they read, how their scores are to be read.

A manifest may come from anywhere, so whatever it says is checked before it is used: a file is a bare name beside it.
"""

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from weights.errors import ManifestError

SUFFIX = ".safetensors"

MOST_BYTES = 1_000_000_000
"""No file of ours comes near; a manifest that claims more is refused before anything is read."""

Scalar = str | int | float | bool | None
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
# Lower case only, so that two names are two files on every file system.
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*\.safetensors$", max_length=120)]
Text = Annotated[str, Field(min_length=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Thresholds(_Record):
    """Where a calibrated score begins to count."""

    low: float = Field(ge=0, le=1, description="A patch grows down to this calibrated score (0–1)")
    high: float = Field(ge=0, le=1, description="A patch must reach this calibrated score (0–1) somewhere")
    patch_low: float | None = Field(default=None, ge=0, le=1, description="Patches grow down to this certainty (0–1)")
    patch_high: float | None = Field(default=None, ge=0, le=1, description="A patch must be this certain somewhere")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"the low threshold {self.low:g} is above the high one {self.high:g}")
        if (self.patch_low is None) != (self.patch_high is None) or (self.patch_low or 0) > (self.patch_high or 1):
            raise ValueError("patch_low and patch_high come together, the low one first")
        return self


class Calibration(_Record):
    """How a raw score becomes a probability: linear between points, flat beyond the first and the last."""

    points: tuple[tuple[float, Annotated[float, Field(ge=0, le=1)]], ...] = Field(
        default=(), description="(raw score, calibrated score 0–1) in rising order; none: the raw score is taken as is"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for (raw, calibrated), (next_raw, next_calibrated) in zip(self.points, self.points[1:], strict=False):
            if next_raw <= raw:
                raise ValueError(f"raw scores must rise, but {next_raw:g} follows {raw:g}")
            if next_calibrated < calibrated:
                raise ValueError(f"calibrated scores must not fall, but {next_calibrated:g} follows {calibrated:g}")
        return self


class Source(_Record):
    """Something the weights were trained on."""

    name: Text = Field(description="Name of the data set, archive or simulation")
    licence: Text = Field(description="Licence, or terms of use")
    what: Text = Field(description="What it is and what was taken of it")


class Metric(_Record):
    """One measured figure."""

    set: Text = Field(description="What it was measured on")
    measure: Text = Field(description="What was measured, such as F1, AUC or IoU, with its unit where it has one")
    value: float = Field(description="The figure, in the unit of the measure")
    command: Text = Field(description="Command that repeats the measurement")


class Draft(_Record):
    """All that whoever trained the weights can say of them; the store adds size and SHA-256."""

    name: Name = Field(description="What the weights are for, such as disturbance or surface")
    file: FileName = Field(description="Bare file name beside the manifest, lower case, ending in .safetensors")
    licence: Text = Field(description="Licence of the weights, an SPDX identifier where there is one")
    created: dt.date = Field(description="Day (UTC) on which training ended")
    code_version: Text = Field(description="Version, or version and commit, of the code that trained them")
    seed: int = Field(description="Seed of the training")
    command: Text = Field(description="Command that repeats the training")
    architecture: dict[str, Scalar | list[Scalar]] = Field(
        description="What builds the network: encoder, encoder_depth, decoder_channels, in_channels (names), "
        "classes (names); a head of another kind has keys of its own"
    )
    bands: tuple[Name, ...] = Field(min_length=1, description="Common band names of STAC that are read, in order")
    gsd_m: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        description="Finest and coarsest ground sampling distance (m) that they were trained on"
    )
    reach_px: int = Field(ge=0, description="How far (px) a pixel can influence a score: the least halo")
    thresholds: Thresholds = Field(description="Where a calibrated score begins to count")
    calibration: Calibration = Field(default=Calibration(), description="How a raw score becomes a probability")
    training_data: tuple[Source, ...] = Field(min_length=1, description="Everything they were trained on")
    metrics: tuple[Metric, ...] = Field(default=(), description="What was measured on fixed sets")
    notes_zh: str = Field(default="", description="Limits and remarks in Chinese")
    notes_en: str = Field(default="", description="Limits and remarks in English")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.gsd_m[0] > self.gsd_m[1]:
            raise ValueError(f"gsd_m runs from {self.gsd_m[0]:g} down to {self.gsd_m[1]:g}")
        if len(set(self.bands)) < len(self.bands):
            raise ValueError("bands names one band twice")
        return self

    @property
    def card(self) -> str:
        """Bare file name of the model card."""
        return f"{self.file.removesuffix(SUFFIX)}.md"

    def names(self, key: str) -> tuple[str, ...]:
        """A list of names in the architecture, such as ``in_channels`` or ``classes``.

        Raises:
            ManifestError: if the architecture has no such list.
        """
        value = self.architecture.get(key)
        if isinstance(value, list):
            names = tuple(item for item in value if isinstance(item, str))
            if len(names) == len(value):
                return names
        raise ManifestError(f"the architecture of the weights {self.name!r} has no list of names {key!r}; retrain them")


class Entry(Draft):
    """Weights that are stored."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, in hexadecimal")
    bytes: int = Field(gt=0, le=MOST_BYTES, description="Size of the file in bytes")


class Manifest(_Record):
    """The weights of one folder."""

    version: Literal[1] = Field(default=1, description="Version of this format")
    entries: tuple[Entry, ...] = Field(default=(), description="One per name, sorted by name when written")

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        names: set[str] = set()
        hashes: dict[str, str] = {}
        for entry in self.entries:
            if entry.name in names:
                raise ValueError(f"two entries are named {entry.name!r}")
            if hashes.setdefault(entry.file, entry.sha256) != entry.sha256:
                raise ValueError(f"two entries name {entry.file!r} and contradict each other on its SHA-256")
            names.add(entry.name)
        return self

    def get(self, name: str) -> Entry | None:
        """The entry of a name."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def uses(self, file: str) -> bool:
        """Whether an entry names a file."""
        return any(entry.file == file for entry in self.entries)

    def having(self, entry: Entry) -> "Manifest":
        """The same manifest with an entry in place of the one of its name.

        Raises:
            ManifestError: if another entry names the same file with other contents.
        """
        others = [other for other in self.entries if other.name != entry.name]
        for other in others:
            if other.file == entry.file and other.sha256 != entry.sha256:
                raise ManifestError(
                    f"{entry.file} holds the weights {other.name!r}; give those of {entry.name!r} another file name"
                )
        return Manifest(entries=tuple(sorted([*others, entry], key=lambda one: one.name)))
