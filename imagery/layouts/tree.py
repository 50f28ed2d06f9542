"""A product as a folder or as an archive: the same names, the same bytes."""

from dataclasses import dataclass
from pathlib import Path

from imagery.errors import UnreadableImageError
from imagery.packed import binary, inside, names_in, size_of

MAX_FILES = 20_000
ARCHIVES = (".zip", ".tar")


@dataclass(frozen=True)
class Tree:
    """The files of a product."""

    root: Path
    """The folder or the archive."""

    names: tuple[str, ...]
    """Of its files, with ``/`` between folders, seen from the root; sorted."""

    @classmethod
    def of(cls, root: Path, depth: int = 6) -> "Tree":
        """The files of a folder, or of a zip or tar.

        Args:
            root: either.
            depth: of folders inside a folder; what lies deeper is not seen. Links to folders are not followed.

        Raises:
            UnreadableImageError: if an archive is damaged or hostile, or there are far too many files.
        """
        if root.is_dir():
            return cls(root, tuple(sorted(_walk(root, "", depth))))
        return cls(root, tuple(sorted(names_in(root))))

    @property
    def packed(self) -> bool:
        """Whether it is an archive."""
        return not self.root.is_dir()

    def path(self, name: str) -> Path:
        """Where a file is read from."""
        return inside(self.root, name) if self.packed else self.root / name

    def read(self, name: str, most_bytes: int) -> bytes:
        """A small file whole.

        Raises:
            UnreadableImageError: if it is missing, damaged, or larger than it can be.
        """
        path = self.path(name)
        if (size := size_of(path)) > most_bytes:
            raise UnreadableImageError(f"{path} has {size:,} bytes; at most {most_bytes:,} are read.")
        with binary(path) as stream:
            return stream.read(most_bytes)


def _walk(folder: Path, above: str, depth: int) -> list[str]:
    names: list[str] = []
    for child in folder.iterdir():
        if child.name.startswith("."):
            continue
        if child.is_file():
            names.append(above + child.name)
        elif depth > 0 and child.is_dir() and not child.is_symlink():
            names += _walk(child, f"{above}{child.name}/", depth - 1)
        if len(names) > MAX_FILES:
            raise UnreadableImageError(f"{folder} holds more than {MAX_FILES:,} files, too many for one product.")
    return names
