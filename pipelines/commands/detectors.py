"""`weixun detectors`: which models there are."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from detectors.core.types import Detector

app = typer.Typer(help="The models that read a change.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_detectors(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """List id, names, threshold, minimum area, season, layers and weights of each detector."""
    import json

    from pipelines.chosen import detectors_for, weights_name
    from pipelines.home import home

    everyone = detectors_for((), "auto", home())
    weights = weights_name("auto", home())
    if as_json:
        typer.echo(json.dumps([_row(detector, weights) for detector in everyone], ensure_ascii=False, indent=2))
        return
    width = max(len(detector.id) for detector in everyone)
    for detector in everyone:
        seasons = " and ".join(f"{first} to {last}" for first, last in _seasons(detector))
        typer.echo(f"{detector.id:<{width}}  {detector.name_zh}  {detector.name_en}")
        typer.echo(
            f"{'':<{width}}  threshold {detector.threshold_high:g} (low {detector.threshold_low:g}), at least "
            f"{detector.minimum_area_m2:g} m², {seasons}, layers {', '.join(detector.layers) or 'none'}, "
            f"score {weights[:13]}"
        )


def _seasons(detector: "Detector") -> list[list[str]]:
    """First and last month and day of each."""
    return [["{:02d}-{:02d}".format(*day) for day in (one.first, one.last)] for one in detector.seasons]


def _row(detector: "Detector", weights: str) -> dict[str, object]:
    return {
        "id": detector.id,
        "name_zh": detector.name_zh,
        "name_en": detector.name_en,
        "threshold": detector.threshold_high,
        "threshold_low": detector.threshold_low,
        "minimum_area_m2": detector.minimum_area_m2,
        "seasons": _seasons(detector),
        "layers": list(detector.layers),
        "weights": weights,
    }
