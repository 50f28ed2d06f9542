"""The store of trained weights: found by name, verified before they are used, never unpickled.

Weights are shipped beside this file; what an office retrains lies under ``<home>/weights`` and wins. Nothing is looked
for in the working directory.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from weights.card import render
from weights.errors import ManifestError, MissingFileError, NotVerifiedError, TensorError, UnknownWeightsError
from weights.folder import MANIFEST, changed, locked, put, read_bytes, read_manifest, refusal
from weights.manifest import SUFFIX, Draft, Entry, Manifest

SHIPPED = Path(__file__).resolve().parent

MOST_SHIPPED_BYTES = 20_000_000
"""What is shipped is kept in git: under 20 MB in all."""

PICKLED = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib"})
"""Files that run code when they are loaded; they never are."""

_DTYPES = frozenset({"float16", "float32", "int64"})
"""Numbers of a network; int64 for the counters of batch normalisation."""

Where = Literal["home", "shipped"]


@dataclass(frozen=True)
class Loaded:
    """Weights whose size and SHA-256 were right."""

    entry: Entry
    tensors: dict[str, NDArray[Any]]
    """By the names of the network's state; float16, float32 or int64, as they were stored, little-endian."""


@dataclass(frozen=True)
class Installed:
    """Weights that a manifest names."""

    entry: Entry
    where: Where
    folder: Path
    used: bool
    """False where retrained weights of the same name win."""


class State(StrEnum):
    """What verification found."""

    OK = "ok"
    CHANGED = "changed"
    MISSING = "missing"
    STRAY = "stray"
    REFUSED = "refused"
    BROKEN = "broken"
    TOO_LARGE = "too large"


@dataclass(frozen=True)
class Verdict:
    """What verification says of one file."""

    where: Where
    file: str
    name: str | None
    """Name of the weights; None where no entry names the file."""

    state: State
    said: str

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.state is State.OK


def find(name: str, home: Path | None = None) -> Entry | None:
    """The weights of a name: the retrained ones of a home folder, else the shipped ones, else None.

    Args:
        name: such as ``disturbance``.
        home: the state folder, whose ``weights/`` need not exist; None asks for what is shipped.

    Raises:
        ManifestError: if a manifest on the way is broken.
    """
    found = _locate(name, home)
    return found and found[0]


def load(name: str, home: Path | None = None) -> Loaded:
    """The tensors of a name, from bytes that were hashed before they were parsed.

    Args:
        name: such as ``disturbance``.
        home: as in `find`.

    Raises:
        UnknownWeightsError: if nothing of that name is installed.
        NotVerifiedError: if the file is missing, changed, or holds no tensors; retrained weights that fail are not
            replaced by the shipped ones behind the user's back.
        ManifestError: if a manifest on the way is broken.
    """
    try:
        return _load(name, home)
    except NotVerifiedError:
        # A save replaces the file and then the manifest: look again when none is at work.
        with locked(_folders(home)[0][1]):
            return _load(name, home)


def installed(home: Path | None = None) -> tuple[Installed, ...]:
    """All weights that the manifests name, by name, those that are used first.

    Raises:
        ManifestError: if a manifest is broken.
    """
    rows: list[Installed] = []
    for where, folder in _folders(home):
        taken = {row.entry.name for row in rows}
        rows += [Installed(one, where, folder, one.name not in taken) for one in read_manifest(folder).entries]
    return tuple(sorted(rows, key=lambda row: (row.entry.name, not row.used)))


def save(folder: Path, draft: Draft, tensors: Mapping[str, NDArray[Any]]) -> Entry:
    """Store weights in a folder: file, model card and manifest, each whole; what they replace is removed.

    The same tensors always make the same bytes. All three files are on the disk before the first takes its place.

    Args:
        folder: ``<home>/weights``, or the package's own; made if need be.
        draft: what is known of them.
        tensors: by name; finite float16 or float32, or int64; of any strides.

    Raises:
        TensorError: if there are none, or one is of another kind or not finite.
        ManifestError: if the folder's manifest is broken, or another entry has the file.
        NotWrittenError: if the folder can not be written; NoRoomError if the disk is full.
    """
    if not tensors:
        raise TensorError(f"the weights {draft.name!r} hold no tensors")
    data = safetensors_numpy.save({name: _checked(draft.name, name, tensors[name]) for name in sorted(tensors)})
    known = draft.model_dump() | {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    entry = Entry.model_validate(known)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(folder, error) from error
    with locked(folder):
        before = read_manifest(folder)
        after = before.having(entry)
        written = f"{after.model_dump_json(indent=2)}\n"
        put(folder, {entry.card: render(entry).encode(), entry.file: data, MANIFEST: written.encode()})
        replaced = before.get(entry.name)
        if replaced is not None and not after.uses(replaced.file):
            with contextlib.suppress(OSError):  # what stays is a stray, and `verify` says so
                (folder / replaced.card).unlink(missing_ok=True)
                (folder / replaced.file).unlink(missing_ok=True)
    return entry


def verify(home: Path | None = None) -> list[Verdict]:
    """Read every file that a manifest names and say what became of it; report what no manifest names.

    Args:
        home: as in `find`.

    Returns:
        Retrained weights first; for the shipped ones also a verdict on their size in all.
    """
    verdicts = []
    for where, folder in _folders(home):
        with locked(folder):
            verdicts += list(_verdicts(where, folder))
    return verdicts


def _verdicts(where: Where, folder: Path) -> Iterator[Verdict]:
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        yield Verdict(where, MANIFEST, None, State.BROKEN, str(error))
        return
    for entry in manifest.entries:
        try:
            _read(folder, entry)
            state, said = State.OK, f"{entry.bytes / 1e6:.2f} MB, sha256 {entry.sha256[:12]}"
        except MissingFileError as error:
            state, said = State.MISSING, str(error)
        except NotVerifiedError as error:
            state, said = State.CHANGED, str(error)
        yield Verdict(where, entry.file, entry.name, state, said)
    yield from _unnamed(where, folder, manifest)
    if where == "shipped":
        total = sum({entry.file: entry.bytes for entry in manifest.entries}.values())
        state = State.OK if total < MOST_SHIPPED_BYTES else State.TOO_LARGE
        yield Verdict(
            where, MANIFEST, None, state, f"{total / 1e6:.2f} MB in all, to be under {MOST_SHIPPED_BYTES / 1e6:g} MB"
        )


def _unnamed(where: Where, folder: Path, manifest: Manifest) -> Iterator[Verdict]:
    """Weights that no manifest names: never loaded, so they are somebody's mistake."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        suffix, shown = path.suffix.lower(), ascii(path.name)[1:-1]
        if suffix in PICKLED:
            said = f"{folder / shown} is a pickle, which may run code: it is never loaded; remove it"
            yield Verdict(where, shown, None, State.REFUSED, said)
        elif suffix == SUFFIX and not manifest.uses(path.name):
            said = f"{folder / shown} is in no manifest: it is never loaded; remove it, or save it again"
            yield Verdict(where, shown, None, State.STRAY, said)


def _folders(home: Path | None) -> tuple[tuple[Where, Path], ...]:
    """Where weights may lie, the first wins."""
    shipped: tuple[Where, Path] = ("shipped", SHIPPED)
    return (shipped,) if home is None else (("home", home / "weights"), shipped)


def _locate(name: str, home: Path | None) -> tuple[Entry, Path] | None:
    for _, folder in _folders(home):
        entry = read_manifest(folder).get(name)
        if entry is not None:
            return entry, folder
    return None


def _load(name: str, home: Path | None) -> Loaded:
    found = _locate(name, home)
    if found is None:
        known = ", ".join(sorted({row.entry.name for row in installed(home)})) or "none"
        raise UnknownWeightsError(f"no weights are named {name!r}; installed: {known}")
    entry, folder = found
    return Loaded(entry, _read(folder, entry))


def _read(folder: Path, entry: Entry) -> dict[str, NDArray[Any]]:
    data = read_bytes(folder, entry)
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        said = f"has SHA-256 {digest[:12]}… where {MANIFEST} says {entry.sha256[:12]}…: it was changed"
        raise changed(folder, entry, said)
    try:
        tensors: dict[str, NDArray[Any]] = safetensors_numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a number type that numpy has not
        raise changed(folder, entry, f"holds no tensors that can be read ({' '.join(str(error).split())})") from error
    strange = sorted({str(tensor.dtype) for tensor in tensors.values()} - _DTYPES)
    if strange:
        raise changed(folder, entry, f"holds numbers of kinds that no network of ours has ({', '.join(strange)})")
    return tensors


def _checked(weights: str, name: str, tensor: NDArray[Any]) -> NDArray[Any]:
    if tensor.dtype.name not in _DTYPES:
        raise TensorError(
            f"tensor {name!r} of the weights {weights!r} is {tensor.dtype}; stored are {', '.join(sorted(_DTYPES))}"
        )
    if not np.isfinite(tensor).all():
        raise TensorError(f"tensor {name!r} of the weights {weights!r} is not finite: the training has diverged")
    # The writer takes the memory as it lies: strided views would be stored wrong.
    return np.asarray(tensor, order="C")
