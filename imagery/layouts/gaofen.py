"""Gaofen GF-1/2/6 and ZY-3: ``NAME.tiff`` with ``NAME.xml`` and ``NAME.rpb`` (or ``NAME_rpc.txt``), or ``NAME.tar.gz``.

An image as the camera saw it is laid onto the ground once, into the archive's ``ortho/``. Gains are published by year
and are not in the product: without a sidecar that gives them the values stay DN.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from imagery.layouts.gaofen_meta import Product, parse_name
from imagery.layouts.gaofen_scene import Work
from imagery.layouts.model import BandFile, Candidate, Refusal, Workplace
from imagery.layouts.tarred import members, unpack
from imagery.names import noon
from imagery.scene import Scene
from imagery.sidecar import Notes, SceneNote

PACKED = (".tar.gz", ".tgz")


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scenes of one image or packed product; None for anything else."""
    product = parse_name(path.name)
    if product is None or not path.is_file():
        return None
    if product.suffix in PACKED:
        return _packed(path, notes)
    if product.panchromatic:
        coloured = product.stem.replace("PAN", "MSS"), product.stem.replace("PAN", "MUX")
        if any(path.with_name(stem + path.suffix).exists() for stem in coloured):
            return ()
        return (
            Refusal(path, f"{path.name} is one grey band, which can not tell a change; add its multispectral part."),
        )
    return (_candidate(path, path, product, notes),)


def _packed(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...]:
    names = members(path)
    images = [(name, image) for name in names if (image := parse_name(name)) and image.suffix not in PACKED]
    coloured = [(name, image) for name, image in images if not image.panchromatic]
    if not coloured:
        return (Refusal(path, f"{path.name} holds no multispectral image of a Gaofen or ZY-3 product."),)
    return tuple(_candidate(path, path / name, image, notes, names) for name, image in coloured)


def _candidate(
    place: Path, image: Path, product: Product, notes: Notes, packed: Sequence[str] = ()
) -> Candidate | Refusal:
    if product.known is None:
        return Refusal(place, f"{image.name}: {product.satellite} {product.camera} is a camera that is not known here.")
    found = notes.about(image) or notes.about(place)
    note, source = found if found else (SceneNote.model_validate({}), "")
    if note.scale is not None and note.level in (None, "DN"):
        return Refusal(
            place, f'The {source} on {image.name} gives a scale, but no "level" that says of what: L1C or SR.'
        )
    names = note.bands or product.bands
    candidate = Candidate(
        place=place,
        stem=product.stem,
        when=note.when or noon(product.date),
        date_source=source if note.when else "file name",
        bands=tuple(BandFile(name, image, index) for index, name in enumerate(names, 1) if name),
        sensor=note.sensor or product.known[0],
        level=note.level or "DN",
        note=note,
        properties={
            "layout": "gaofen",
            "product": note.product or product.stem,
            "original": str(image.resolve()),
            "band_order": f"{' '.join(names)} ({source if note.bands else f'{product.satellite} {product.camera}'})",
        },
    )
    return replace(candidate, make=partial(_make, candidate, product, image, packed))


def _make(candidate: Candidate, product: Product, image: Path, packed: Sequence[str], workplace: Workplace) -> Scene:
    if not packed:
        return Work(candidate, product, image, workplace).scene()
    stem = product.stem.casefold()
    xml = f"{stem.rpartition('-')[0]}.xml"  # of the whole product
    wanted = [name for name in packed if name.casefold().startswith(stem) or name.casefold() == xml]
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=workplace.root) as folder:
        unpack(candidate.place, wanted, Path(folder))
        return Work(candidate, product, Path(folder) / image.name, workplace).scene()
