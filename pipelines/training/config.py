"""What a training run is asked to be: everything that decides its result."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import BadInputError
from pipelines.training.variants import PAINTED, VariantSpec


class TrainConfig(BaseModel):
    """Frozen; the same config, archives and seed give the same weights on the same machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0, le=999, description="seed of planting, worlds, crops and initial weights")
    keep_out: int = Field(default=7, ge=2, description="one place in so many is kept out of training, to measure on")
    variants: int = Field(default=480, ge=1, le=100_000, description="planted variants of real backgrounds")
    painted: int = Field(default=640, ge=0, le=100_000, description="variants beside them, as `painting` says")
    simulated: int = Field(default=24, ge=0, le=10_000, description="simulated worlds beside them")
    more_simulated: int = Field(default=96, ge=0, le=10_000, description="further worlds, beside the painted variants")
    validation: int = Field(default=24, ge=1, le=10_000, description="planted variants of the grounds kept out")
    steps: int = Field(default=1500, ge=1, description="optimiser steps")
    more_steps: int = Field(
        default=2000,
        ge=0,
        description="steps after them, with all that is beside; the learning rate begins anew",
    )
    site_worlds: int = Field(
        default=100, ge=0, le=9_000, description="worlds of several years that sites are learned on"
    )
    site_kept: int = Field(default=12, ge=0, le=900, description="further such worlds, to say how sure a site is")
    site_pairs: int = Field(default=4, ge=1, le=10, description="pairs of days of each")
    site_steps: int = Field(
        default=2000, ge=0, description="steps of the network that patches are made of, from the trained one; 0 = none"
    )
    site_rate: float = Field(default=1e-3, gt=0, description="its highest learning rate")
    batch: int = Field(default=16, ge=1, le=1024, description="crops of 128² in a step")
    learning_rate: float = Field(default=2e-3, gt=0, description="highest learning rate, after the warm-up")
    weight_decay: float = Field(default=1e-2, ge=0, description="of AdamW")
    warm_up: int = Field(default=100, ge=1, description="steps over which the learning rate rises")
    average: float = Field(default=0.997, ge=0, lt=1, description="decay of the moving average of the weights")
    dice: float = Field(default=1.0, ge=0, description="weight of the Dice loss beside twice the cross entropy")
    burnt: float = Field(default=0.3, ge=0, description="weight of the burnt class beside disturbance")
    checkpoint: int = Field(default=500, ge=1, description="steps between checkpoints")
    encoder: str = Field(default="mobilenet_v2", description="encoder of segmentation-models-pytorch, of finite reach")
    depth: int = Field(default=4, ge=2, le=5, description="stages of the encoder; its stride is 2 to this power")
    decoder_channels: tuple[int, ...] = Field(default=(96, 64, 32, 16), description="one per stage")
    variant: VariantSpec = VariantSpec()
    painting: VariantSpec = VariantSpec(plant=PAINTED)

    @model_validator(mode="after")
    def _buildable(self) -> Self:
        if len(self.decoder_channels) != self.depth:
            raise ValueError(f"a depth of {self.depth} wants as many decoder_channels, not {self.decoder_channels}")
        if self.more_steps and not self.painted:
            raise ValueError("more_steps asks for painted variants: painted is 0")
        return self

    @property
    def all_steps(self) -> int:
        """Steps of both parts."""
        return self.steps + self.more_steps


def read_config(path: Path | None, given: dict[str, Any]) -> TrainConfig:
    """The configuration of a JSON file, with fields given otherwise on top.

    Raises:
        BadInputError: if the file can not be read, or a field is unknown or out of range.
    """
    try:
        base = TrainConfig.model_validate_json(path.read_text(encoding="utf-8")) if path else TrainConfig()
        return TrainConfig.model_validate({**base.model_dump(), **given})
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BadInputError(f"{path} can not be read ({said}); give a JSON file of the configuration") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        of = f"the training configuration {path}" if path else "the training configuration"
        raise BadInputError(f"{of} is wrong at {where}: {first['msg']}") from error
