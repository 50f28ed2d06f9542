"""Finished blocks, kept until a night is over: what a crash must not cost. Atomic files, never a pickle.

A block's result is filed under everything that decides it: area, block, scenes, normals, weights, detectors, code. The
same question finds the same answer, another one finds nothing.
"""

import hashlib
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from aoi.cells import cells_of
from aoi.grid import Block
from detectors.core.apply import TRAINING_FREE
from detectors.core.errors import DetectorError
from detectors.core.normals import Normals
from detectors.core.reader import TrainingFreeReader
from imagery.atomic import whole
from imagery.scene import Scene
from pipelines.block import BlockResult, work_block
from pipelines.errors import PipelineError
from pipelines.home import home
from pipelines.outputs import Outputs, write_arrays
from pipelines.patrol.fingerprint import code_sha256, detector_facts, digest_of, scene_facts, survey_facts
from pipelines.patrol.keptfile import IMAGES, packed, unpacked
from pipelines.patrol.recorder import Recorder, Recording
from pipelines.plan import Plan, scenes_over
from pipelines.readers import reader_of
from pipelines.region import Lattice, Region
from pipelines.scan import BlockWork
from pipelines.working import working_blocks

_FORMAT = "weixun-block-3"


Told = Callable[[Block, float, bool], None]


def _silent(block: Block, seconds: float, made: bool) -> None:
    """Nobody listens."""


class KeptNormals:
    """Normals, kept under the chips, scenes and code they were fitted with."""

    def __init__(self, folder: Path) -> None:
        """Keeps them in a folder."""
        self.folder = folder

    def get(self, lattice: Lattice, before: Sequence[Scene], after: Sequence[Scene], plan: Plan) -> Normals | None:
        """As `pipelines.region.KeptNormals.get`."""
        file = self._file(lattice, before, after, plan)
        try:
            found = Normals.from_bytes(file.read_bytes())
            os.utime(file)
        except (OSError, DetectorError):
            return None
        return found

    def put(
        self, lattice: Lattice, before: Sequence[Scene], after: Sequence[Scene], plan: Plan, fitted: Normals
    ) -> None:
        """As `pipelines.region.KeptNormals.put`."""
        with whole(self._file(lattice, before, after, plan)) as part:
            part.write_bytes(fitted.to_bytes())

    def _file(self, lattice: Lattice, before: Sequence[Scene], after: Sequence[Scene], plan: Plan) -> Path:
        chips = [(str(chip.crs), tuple(chip.affine), tuple(chip.shape)) for chip in lattice.chips]
        facts = [chips, lattice.step, scene_facts(before), scene_facts(after), plan.reflectance, code_sha256()]
        return self.folder / f"{digest_of(facts)}.npz"


@dataclass(frozen=True)
class KeptBlocks:
    """Results of blocks in a folder."""

    folder: Path
    """``cache`` of the home."""

    weights: str
    """Hashes of the weights that read the pixels."""

    told: Told = field(default=_silent, compare=False)
    """Hears of each block that is done: its seconds, and whether it was made now."""

    @property
    def normals(self) -> KeptNormals:
        """Normals beside the blocks."""
        return KeptNormals(self.folder / "normals")

    def work(self, plan: Plan, region: Region, outputs: Outputs) -> BlockWork:
        """As `pipelines.scan.Kept.work`."""
        return KeptWork(self, plan, region, outputs)

    def key(self, plan: Plan, region: Region, block: Block) -> str:
        """What a block's result is filed under."""
        cells = set(cells_of((block,)))
        normals = sorted(
            (cell.id, day.isoformat(), fitted.sha256) for (cell, day), fitted in region.normals.items() if cell in cells
        )
        facts = {
            "format": _FORMAT,
            "aoi": [plan.aoi.id, hashlib.sha256(plan.aoi.geometry.wkb).hexdigest()],
            "block": [block.id, block.halo_px],
            "before": scene_facts(scenes_over(plan.before, block)),
            "after": scene_facts(scenes_over(plan.after, block)),
            "days": plan.days,
            "normals": normals,
            "reader": [plan.reader.name, self.weights],
            "detectors": [detector_facts(detector) for detector in plan.detectors],
            "surveys": [survey_facts(task) for task in plan.surveys],
            "code": code_sha256(),
        }
        return digest_of(facts)

    def load(self, key: str, plan: Plan, block: Block) -> tuple[BlockResult, Recording] | None:
        """A result that was kept, or None; what can not be read is taken for missing."""
        file = self._file(key)
        try:
            with np.load(BytesIO(file.read_bytes()), allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
            return unpacked(found, plan, block)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            file.unlink(missing_ok=True)
            return None

    def save(self, key: str, result: BlockResult, recording: Recording) -> None:
        """Keep a result, whole or not at all. One that had to do without a scene is not kept: it is tried again."""
        if result.failures:
            return
        with whole(self._file(key)) as part:
            write_arrays(part, packed(result, recording), as_they_are=IMAGES)

    def has(self, key: str) -> bool:
        """Whether a result is kept."""
        return self._file(key).is_file()

    def _file(self, key: str) -> Path:
        return self.folder / "blocks" / key[:2] / f"{key}.npz"


@dataclass(frozen=True)
class KeptWork:
    """The work of a block with a memory. Called, it works here; elsewhere, `plan` and `region` say what is needed."""

    kept: KeptBlocks
    plan: Plan
    region: Region
    outputs: Outputs

    def __call__(self, block: Block) -> BlockResult:
        """What was kept of a block, or else its work, which is then kept."""
        begun = time.perf_counter()
        key = self.kept.key(self.plan, self.region, block)
        found = self.kept.load(key, self.plan, block)
        result, recording = found or make(self.kept, key, self.plan, self.region, block)
        recording.replay(self.outputs, block)
        self.kept.told(block, time.perf_counter() - begun, found is None)
        return result

    def job(self, block: Block) -> "BlockJob":
        """What another process needs to do the work of a block: no more than that block's share of the plan."""
        cells = cells_of((block,))
        plan = replace(
            self.plan,
            blocks=(block,),
            cells=cells,
            before=scenes_over(self.plan.before, block),
            after=scenes_over(self.plan.after, block),
            reader=TrainingFreeReader(),  # the worker loads its own: weights are not sent around
        )
        normals = {key: fitted for key, fitted in self.region.normals.items() if key[0] in cells}
        kept = replace(self.kept, told=_silent)
        key = self.kept.key(self.plan, self.region, block)
        return BlockJob(
            kept, key, plan, replace(self.region, normals=normals, failures=()), block, self.plan.reader.name
        )

    def fetched(self, block: Block, seconds: float, made: bool) -> BlockResult:
        """What a job left in the cache.

        Raises:
            PipelineError: if it is not there: the processes do not share a home.
        """
        found = self.kept.load(self.kept.key(self.plan, self.region, block), self.plan, block)
        if found is None:
            raise PipelineError(f"block {block.id} is done but not in {self.kept.folder}: workers must share the home")
        result, recording = found
        recording.replay(self.outputs, block)
        self.kept.told(block, seconds, made)
        return result


@dataclass(frozen=True)
class BlockJob:
    """The work of one block for another process."""

    kept: KeptBlocks
    key: str
    plan: Plan
    region: Region
    block: Block
    reader: str
    """Name of the reader: hash of the weights, or the word for none."""


def do_job(job: BlockJob) -> tuple[float, bool]:
    """Do a job; gives its seconds, and whether it was made now.

    Raises:
        PipelineError: if this process has other weights than the one that asks.
    """
    begun = time.perf_counter()
    made = not job.kept.has(job.key)
    if made:
        with working_blocks():
            reader = reader_of("training-free" if job.reader == TRAINING_FREE else "network", home())
            if reader.name != job.reader:
                raise PipelineError(f"the weights here are {reader.name[:12]}, asked for are {job.reader[:12]}")
            make(job.kept, job.key, replace(job.plan, reader=reader), job.region, job.block)
    return time.perf_counter() - begun, made


def make(kept: KeptBlocks, key: str, plan: Plan, region: Region, block: Block) -> tuple[BlockResult, Recording]:
    """Work a block and keep the result."""
    recorder = Recorder(plan.reflectance)
    result = work_block(plan, region, recorder, block)
    recording = recorder.recording(result)
    kept.save(key, result, recording)
    return result, recording
