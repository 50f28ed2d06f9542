"""`weixun doctor`: what works here."""

from typing import Annotated

import typer

HELP = "Say what works on this machine: drivers, GPU, state folder, detectors, layers and starter AOIs."


def doctor_command(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> int:
    """Examine, print."""
    import json

    from pipelines.doctor import examine
    from pipelines.errors import Exit

    checks = examine()
    if as_json:
        rows = [{"what": c.what, "ok": c.ok, "needed": c.needed, "said": c.said} for c in checks]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for check in checks:
            mark = "ok     " if check.ok else ("MISSING" if check.needed else "absent ")
            typer.echo(f"{mark}  {check.what:<18} {check.said}")
    return Exit.DONE if all(check.ok or not check.needed for check in checks) else Exit.FAULT
