"""The command line. Heavy imports happen inside the commands, so that ``--help`` answers at once."""

import os
import sys
import warnings

import typer
from typer.exceptions import TyperException

from pipelines.commands import (
    aoi,
    archive,
    cases,
    demo,
    detectors,
    doctor,
    evaluate,
    lake,
    layers,
    leads,
    patrol,
    rules,
    scan,
    sources,
    train,
    weights,
)
from pipelines.errors import Exit, PipelineError

app = typer.Typer(
    help=(
        "卫巡 Weixun – a satellite patrol for public-interest litigation.\n\n"
        "Finds what changed on the ground between two dates and writes leads (线索) that open in QGIS. "
        "A lead is never a verdict."
    ),
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# A western longitude begins with a minus and is no option.
app.command("scan", help=scan.HELP, context_settings={"ignore_unknown_options": True})(scan.scan_command)
app.command("lake", help=lake.HELP, context_settings={"ignore_unknown_options": True})(lake.lake_command)
app.command("demo", help=demo.HELP)(demo.demo_command)
app.command("evaluate", help=evaluate.HELP)(evaluate.evaluate_command)
app.command("train", help=train.HELP)(train.train_command)
app.command("doctor", help=doctor.HELP)(doctor.doctor_command)
app.add_typer(patrol.app, name="patrol")
app.add_typer(archive.app, name="archive")
app.add_typer(sources.app, name="sources")
app.add_typer(aoi.app, name="aoi")
app.add_typer(layers.app, name="layers")
app.add_typer(leads.app, name="leads")
app.add_typer(cases.app, name="cases")
app.add_typer(rules.app, name="rules")
app.add_typer(detectors.app, name="detectors")
app.add_typer(weights.app, name="weights")


def main() -> None:
    """Run the command line and leave with its exit code; an expected failure is one sentence, never a traceback."""
    # rasterio hushes this one itself, but not from several threads at once
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = 130
        _say("interrupted; nothing was written")
    except TyperException as error:
        _show(error)
        code = Exit.BAD_INPUT
    except Exception as error:
        code = _fault(error)
    sys.stdout.flush()
    sys.exit(int(code or 0))


def _fault(error: Exception) -> Exit:
    """The exit code of an error; what is not of our own kinds is a fault of ours, and asks to be reported."""
    from imagery.errors import ProviderError

    code = exit_code_of(error)
    if code is not Exit.FAULT or isinstance(error, ProviderError):
        _say(" ".join(str(error).split()))
        return code
    if os.environ.get("WEIXUN_DEBUG"):
        raise error
    _say(
        f"a fault of ours: {type(error).__name__}: {' '.join(str(error).split())} "
        "(set WEIXUN_DEBUG=1 for the traceback, and report it)"
    )
    return code


def exit_code_of(error: Exception) -> Exit:
    """Which exit code an error of any room means."""
    from aoi.errors import AoiError
    from detectors.core.errors import UnknownDetectorError
    from imagery.errors import DiskFullError as CacheFullError
    from imagery.errors import ImageryError, ProviderError
    from leads.cases.errors import CaseError
    from leads.errors import DiskFullError, OutputError
    from leads.store.errors import StoreError, StoreLockedError
    from weights.errors import NoRoomError, NotWrittenError, WeightsError

    if isinstance(error, PipelineError):
        return error.exit_code
    if isinstance(error, DiskFullError | CacheFullError | NoRoomError | StoreLockedError):
        return Exit.LOCKED_OR_FULL
    if isinstance(error, ProviderError):
        return Exit.FAULT  # the service's, and told as such; what is wrong with our settings was found out before
    if isinstance(
        error, AoiError | ImageryError | OutputError | UnknownDetectorError | NotWrittenError | StoreError | CaseError
    ):
        return Exit.BAD_INPUT
    if isinstance(error, WeightsError):
        return Exit.NOT_VERIFIED
    return Exit.FAULT


def _show(error: TyperException) -> None:
    """The parser's own words, with the usage line of the command."""
    show = getattr(error, "show", None)  # typer keeps the class that has it private
    if show is None:
        _say(str(error))
    else:
        show()


def _say(message: str) -> None:
    print(f"weixun: {message}", file=sys.stderr)
