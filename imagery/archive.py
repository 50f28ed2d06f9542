"""A local STAC archive over original files that stay where they are.

``catalog.json``, ``items/<scene>.json`` and what can not be read from the originals: ``masks/<scene>.tif`` for
Sentinel-2 without classes and parts of mosaics, ``ortho/<scene>.tif`` for raw images.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pystac
import shapely
from shapely.geometry.base import BaseGeometry

from imagery.assemble import assemble
from imagery.atomic import whole
from imagery.cloudmask import wants_mask, with_mask
from imagery.errors import ArchiveError, ImageryError
from imagery.item import from_item, to_item
from imagery.layouts.find import find
from imagery.layouts.model import Candidate, Refusal, Workplace
from imagery.scene import Scene
from imagery.sidecar import Notes, read_sidecar

CATALOG_ID = "weixun-archive"


@dataclass(frozen=True)
class AddReport:
    """What became of the sources."""

    added: tuple[str, ...]
    """Ids of new scenes."""

    already: tuple[str, ...]
    """Ids of scenes that were there with the same contents."""

    refused: tuple[tuple[Path, str], ...]
    """Files or folders that were not taken, each with a sentence that says why."""


@dataclass(frozen=True)
class Archive:
    """Scenes indexed in one folder."""

    root: Path

    @classmethod
    def create_or_open(cls, root: Path) -> "Archive":
        """The archive in a folder; an empty or missing folder becomes one.

        Raises:
            ArchiveError: if the folder holds another catalog or can not be written.
        """
        root = root.resolve()
        if (root / "catalog.json").exists():
            return cls.open(root)
        archive = cls(root)
        try:
            archive._items.mkdir(parents=True, exist_ok=True)
            archive._write_catalog()
        except OSError as error:
            raise ArchiveError(f"The archive {root} can not be written ({error.strerror}).") from error
        return archive

    @classmethod
    def open(cls, root: Path) -> "Archive":
        """The archive in a folder.

        Raises:
            ArchiveError: if there is none.
        """
        root = root.resolve()
        catalog = root / "catalog.json"
        if not catalog.is_file():
            raise ArchiveError(f"{root} is not an archive; make one with: weixun archive add SOURCE --archive {root}")
        if _read_json(catalog).get("id") != CATALOG_ID:
            raise ArchiveError(f"{catalog} is a STAC catalog, but not one of ours; choose another folder.")
        return cls(root)

    @property
    def _items(self) -> Path:
        return self.root / "items"

    def scenes(self) -> tuple[Scene, ...]:
        """All scenes, by time.

        Raises:
            ArchiveError: if an item is damaged.
        """
        found = [from_item(_read_json(file), self._items) for file in sorted(self._items.glob("*.json"))]
        return tuple(sorted(found, key=lambda scene: (scene.datetime, scene.id)))

    def search(self, geometry: BaseGeometry, start: dt.date, end: dt.date) -> tuple[Scene, ...]:
        """Scenes whose footprint meets a geometry in EPSG:4326 on a solar day from start to end, both inclusive."""
        shapely.prepare(geometry)
        return tuple(
            scene for scene in self.scenes() if start <= scene.solar_day <= end and geometry.intersects(scene.geometry)
        )

    def add(self, sources: Sequence[Path], sidecar: Path | None = None, elevation: Sequence[Path] = ()) -> AddReport:
        """Index the scenes of files and folders; the originals stay in place, and adding twice changes nothing.

        Args:
            sources: band folders, city folders, rasters, or folders of these.
            sidecar: notes on sources that can not hold one themselves.
            elevation: rasters or folders of them, to lay raw images onto the ground; the archive's own ``dem/`` comes
                before them.

        Raises:
            UnreadableImageError: if the sidecar itself is not valid.
            ArchiveError: if the archive can not be written.
        """
        notes = Notes()
        if sidecar is not None:
            sole = sources[0] if len(sources) == 1 else None
            notes = Notes(read_sidecar(sidecar), sidecar, sole)
        added: list[str] = []
        already: list[str] = []
        refused: list[tuple[Path, str]] = []
        seen: set[Path] = set()
        workplace = Workplace(self.root, (self.root / "dem", *elevation))
        for found in (found for source in sources for found in find(source, notes)):
            if isinstance(found, Refusal):
                refused.append((found.path, found.reason))
                continue
            seen.add(found.place)
            try:
                (added if self._take(found, workplace) else already).append(found.id)
            except ArchiveError:
                raise
            except ImageryError as error:
                refused.append((found.place, str(error)))
        if sidecar is not None:
            refused += [(sidecar, reason) for reason in _unused(notes, seen, {path for path, _ in refused})]
        if added:
            self._write_catalog()
        return AddReport(tuple(added), tuple(already), tuple(refused))

    def _take(self, candidate: Candidate, workplace: Workplace) -> bool:
        """Write the item of a scene; False when it was there with the same contents.

        Raises:
            ImageryError: if the scene can not be taken.
        """
        scene = assemble(candidate) if candidate.make is None else candidate.make(workplace)
        file = self._items / f"{scene.id}.json"
        if file.exists():
            old = from_item(_read_json(file), self._items)
            if _contents(old) == _contents(scene):
                return False
            raise ImageryError(
                f"{candidate.place} would be the scene {scene.id}, which is in this archive with other contents; "
                f'give it another "id" in its sidecar, or remove {file.name} from the archive first.'
            )
        if wants_mask(scene):
            scene = with_mask(scene, self.root / "masks" / f"{scene.id}.tif")
        self._write(file, to_item(scene, self._items).to_dict(include_self_link=False))
        return True

    def _write_catalog(self) -> None:
        catalog = pystac.Catalog(CATALOG_ID, "Scenes indexed by Weixun; the images stay where they are.")
        content = catalog.to_dict(include_self_link=False)
        content["links"] = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}] + [
            {"rel": "item", "href": f"./items/{file.name}", "type": "application/geo+json"}
            for file in sorted(self._items.glob("*.json"))
        ]
        self._write(self.root / "catalog.json", content)

    def _write(self, file: Path, content: dict[str, Any]) -> None:
        """Whole or not at all: a reader never sees half an item."""
        try:
            with whole(file) as part:
                part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        except OSError as error:
            raise ArchiveError(f"The archive {self.root} can not be written ({error.strerror}).") from error


def _contents(scene: Scene) -> tuple[object, ...]:
    """What makes a scene the same scene: its pixels, its time and how its DN are read."""
    assets = {
        name: (asset.sha256, asset.index, asset.scale, asset.offset, asset.nodata)
        for name, asset in scene.assets.items()
        if name != "cloud_mask"
    }
    return (scene.datetime, scene.level, assets)


def _unused(notes: Notes, seen: set[Path], refused: set[Path]) -> list[str]:
    reached = [path.parts for path in seen | refused]
    return [
        f'The sidecar speaks of "{note.file}", which no source holds; check the name or name its folder as a source.'
        for note in notes.given
        if note.file
        and not any(parts[-len(wanted) :] == wanted for parts in reached if (wanted := Path(note.file).parts))
    ]


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise ArchiveError(f"{file} can not be read ({error.strerror}).") from error
    except ValueError as error:
        raise ArchiveError(f"{file} is damaged: it is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise ArchiveError(f"{file} is damaged: it holds no JSON object.")
    return content
