"""`weixun leads verify` and `keygen`: whether the evidence is what it was when it was recorded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from leads.evidence.verify import Verification
    from pipelines.recompute import Recomputed

VERIFY_HELP = """Check the evidence: every record, every kept file, every row of the store 验证证据链.

The first thing that was changed, taken out or slipped in is named. What a night or a step of a case found changed by
hand stays named for good, whatever was written since. --head is a head that was noted elsewhere, as the bulletin prints
it: only with it is it found when everything since some run was taken out. --key is a public key kept
elsewhere, --recompute finds a lead again from its kept record and compares the polygon.

\b
Examples:
  weixun leads verify
  weixun leads verify --head 3f2a… --json
  weixun leads verify --key /media/usb/evidence.pub
  weixun leads verify --recompute WX-MINE-20260601-y8v3deqh --archive DIR

Exit codes: 0 all holds, 2 bad input or no store, 5 something does not hold, 6 store locked.
"""

KEYGEN_HELP = """Make a key that signs the head of every run from now on 生成签名密钥.

The private file can be read by its owner only; copy the .pub file to where nobody of this machine can write.
WEIXUN_SIGNING_KEY names another private file than keys/evidence.pem of the home.

\b
Example:
  weixun leads keygen

Exit codes: 0 done, 2 there is a key already or the folder can not be written.
"""


def verify_command(
    head: Annotated[str, typer.Option(help="Head that was noted elsewhere, 64 hex digits 链首值.")] = "",
    key: Annotated[Path | None, typer.Option(help="Public key that signed the heads; default the home's own.")] = None,
    recompute: Annotated[str, typer.Option(help="Find this lead again from its record 复算线索.", metavar="ID")] = "",
    archive: Annotated[Path | None, typer.Option(help="With --recompute: the archive of its images.")] = None,
    source: Annotated[str, typer.Option(help="With --recompute: the named source of its images.")] = "",
    area: Annotated[str, typer.Option("--aoi", help="With --recompute: the AOI, where the home has it no more.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Check, say what does not hold."""
    from leads.evidence.chain import Ledger
    from leads.evidence.sign import Verifier, verifier_of
    from leads.evidence.verify import count
    from leads.store.store import home_store
    from pipelines.errors import BadInputError, Exit
    from pipelines.home import home
    from pipelines.progress import reporter

    if (archive or source or area) and not recompute:
        raise BadInputError("--archive, --source and --aoi belong to --recompute ID")
    progress = reporter(quiet=as_json)
    public = Verifier.read(key) if key else verifier_of(home())
    again: Recomputed | None = None
    with home_store(home(), create=False) as store:
        with progress.stage("verify", count(store)) as step:
            found = Ledger(store).verify(home(), _head(head), public, step)
        if recompute:
            from pipelines.recompute import recompute as recomputed

            again = recomputed(store, home(), recompute, archive, source, area, progress)
    if as_json:
        _print_json(found, again)
    else:
        _print(found, again)
    return Exit.DONE if found.ok and (again is None or again.same) else Exit.NOT_VERIFIED


def keygen_command() -> None:
    """Make, say where."""
    from leads.evidence.sign import keygen
    from pipelines.home import home

    private, public = keygen(home())
    typer.echo(f"{private}: signs every head from now on; for its owner only 私钥，仅本人可读")
    typer.echo(f"{public}: copy it to where nobody of this machine can write 公钥，请另存他处")


def _head(text: str) -> str | None:
    from pipelines.errors import BadInputError

    told = text.strip().lower()
    if told and (len(told) != 64 or not set(told) <= set("0123456789abcdef")):
        raise BadInputError(f"--head {text[:80]!r} is no head: it has 64 hex digits; copy it from a bulletin")
    return told or None


def _print_json(found: "Verification", again: "Recomputed | None") -> None:
    import json
    from dataclasses import asdict

    said: dict[str, Any] = asdict(found)
    if again is not None:
        said["recomputed"] = asdict(again)
    typer.echo(json.dumps(said, ensure_ascii=False, indent=2))


def _print(found: "Verification", again: "Recomputed | None") -> None:
    if found.ok:
        typer.echo(
            f"证据链完整 evidence holds: {found.checked:,} records of {found.runs} parts, {found.files:,} files, "
            f"{found.rows:,} rows"
        )
    else:
        typer.echo(f"证据链断裂 broken: {found.first_broken}")
        for said in found.altered[:20]:
            typer.echo(f"  曾被人为改动 changed by hand: {said}")
        for place in found.missing[:20]:
            typer.echo(f"  缺失 missing: {place}")
        if len(found.missing) > 20:
            typer.echo(f"  … {len(found.missing) - 20} more missing (--json lists them)")
    if found.pending:
        typer.echo(f"尚未入链 not recorded yet: {found.pending:,} rows; the next night or review import records them")
    if found.signed:
        typer.echo(f"签名 signed: {found.signed} heads, the last of run {found.last_signed}")
    typer.echo(f"链首 head: {found.head}")
    if again is not None:
        typer.echo(f"复算 recomputed: {again.said}")
