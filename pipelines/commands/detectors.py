"""`weixun detectors`: which models there are."""

from typing import Annotated

import typer

app = typer.Typer(help="The models that read a change.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_detectors(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """List id, names, threshold, minimum area, season, layers and weights of each detector."""
    import json

    from detectors.core.apply import TRAINING_FREE
    from detectors.core.registry import all_detectors

    rows = [
        {
            "id": detector.id,
            "name_zh": detector.name_zh,
            "name_en": detector.name_en,
            "threshold": detector.threshold_high,
            "threshold_low": detector.threshold_low,
            "minimum_area_m2": detector.minimum_area_m2,
            "season": ["{:02d}-{:02d}".format(*day) for day in detector.season],
            "layers": list(detector.layers),
            "weights": TRAINING_FREE,
        }
        for detector in all_detectors().values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['id']:<18} {row['name_zh']}  {row['name_en']}")
        typer.echo(
            f"{'':<18} threshold {row['threshold']:g} (low {row['threshold_low']:g}), at least "
            f"{row['minimum_area_m2']:g} m², {row['season'][0]} to {row['season'][1]}, "
            f"layers {', '.join(row['layers']) or 'none'}, {row['weights']} score"
        )
