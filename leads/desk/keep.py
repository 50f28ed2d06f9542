"""Where files of the desk are kept: what was handed out, what came back, photos of the field."""

import os
import shutil
from pathlib import Path

from leads.staging import refusal, staged

ORIGINALS = "handed_out"
"""Folder beside the inboxes with each as it was handed out."""


def attachment_path(home: Path, sha256: str, name: str) -> Path:
    """Where the bytes of an attachment are kept."""
    return home / "attachments" / sha256[:2] / f"{sha256}{Path(name).suffix.lower()}"


def review_path(home: Path, sha256: str) -> Path:
    """Where a handed-back inbox is kept."""
    return home / "evidence" / "reviews" / f"{sha256}.gpkg"


def keep_review(home: Path, file: Path, sha256: str) -> Path:
    """Copies a handed-back inbox to the evidence, read-only; its hash stands with every verdict taken from it.

    Raises:
        OutputError: if the home can not be written.
    """
    target = review_path(home, sha256)
    if not target.exists():
        try:
            with staged(target) as temporary:
                shutil.copyfile(file, temporary)
                os.chmod(temporary, 0o444)
        except OSError as error:
            raise refusal(target, error) from error
    return target
