"""Writes a lead's dossier and its drafts."""

from collections.abc import Sequence
from pathlib import Path

from leads.dossier.docx import write_docx
from leads.dossier.drafts import DRAFTS
from leads.dossier.html import html_of, write_html, write_pdf
from leads.dossier.model import FORMATS, DossierInput
from leads.dossier.papers import dossier
from leads.errors import OutputError
from leads.exports.corners import as_csv, as_report, corner_table
from leads.exports.text import one_line
from leads.fields import NOTE
from leads.quicklook import file_stem
from leads.staging import staged


def write_dossier(case: DossierInput, out: Path, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write a lead's dossier, and its corner table as CSV and land report beside it.

    Args:
        case: everything known of the lead.
        out: folder; made when it is missing. Files are named after the lead.
        formats: any of ``html``, ``pdf``, ``docx``.

    Returns:
        The files, in the order of the formats, the corner tables last.

    Raises:
        OutputError: if a format is unknown, the folder is read-only or the disk is full.
    """
    strange = [one for one in formats if one not in FORMATS]
    if strange or not formats:
        raise OutputError(f"a dossier is not written as {', '.join(strange) or 'nothing'}; choose {', '.join(FORMATS)}")
    paper, stem = dossier(case), file_stem(case.id)
    text = html_of(paper) if set(formats) & {"html", "pdf"} else ""
    written = []
    for one in dict.fromkeys(formats):
        path = out / f"{stem}.{one}"
        if one == "docx":
            write_docx(path, paper)
        else:
            (write_html if one == "html" else write_pdf)(path, text)
        written.append(path)
    return (*written, *_corner_files(case, out, stem))


def _corner_files(case: DossierInput, out: Path, stem: str) -> tuple[Path, ...]:
    table = corner_table(case.geometry, case.zone)
    name = one_line(case.id, 60)
    made = (
        (out / f"{stem}_界址点.csv", as_csv(table, name, NOTE), "utf-8-sig"),
        (out / f"{stem}_界址点.txt", as_report(table, name, NOTE), "utf-8"),
    )
    for path, text, encoding in made:
        with staged(path) as temporary:
            temporary.write_text(text, encoding=encoding, newline="")
    return tuple(path for path, _, _ in made)


def write_drafts(case: DossierInput, out: Path, names: Sequence[str] = ()) -> tuple[Path, ...]:
    """Write the drafts that a person finishes, as DOCX.

    Args:
        case: everything known of the lead.
        out: folder.
        names: some of `leads.dossier.drafts.DRAFTS`; all when left out.

    Raises:
        OutputError: if a name is unknown, the folder is read-only or the disk is full.
    """
    strange = [name for name in names if name not in DRAFTS]
    if strange:
        raise OutputError(f"there is no draft {strange[0]!r}; choose {'、'.join(DRAFTS)}")
    written = []
    for name in names or DRAFTS:
        path = out / f"{file_stem(case.id)}_{name}.docx"
        write_docx(path, DRAFTS[name](case), numbered=name != "检察建议书")
        written.append(path)
    return tuple(written)
