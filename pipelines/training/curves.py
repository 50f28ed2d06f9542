"""The curves of a training run: one JSON object a line, and a page that draws them."""

import html
import json
from pathlib import Path

_WIDTH, _HEIGHT = 720, 220


def draw(source: Path, page: Path) -> None:
    """Draw every figure of `curves.jsonl` over the steps, as one HTML file that opens offline."""
    if not source.exists():
        return
    rows = [row for line in source.read_text(encoding="utf-8").splitlines() if (row := _row(line)) is not None]
    names = [name for name in (rows[0] if rows else {}) if name != "step"]
    charts = "\n".join(_chart(name, [(row["step"], row[name]) for row in rows if name in row]) for name in names)
    page.write_text(
        "<!doctype html><meta charset='utf-8'><title>Training 训练曲线</title>"
        "<style>body{font:14px sans-serif;margin:2em}svg{background:#f6f6f4}</style>"
        f"<h1>Training 训练曲线</h1>\n{charts}\n",
        encoding="utf-8",
    )


def _row(line: str) -> dict[str, float] | None:
    """One line's figures; None for a line that was cut off when a run was ended."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and "step" in row else None


def _chart(name: str, points: list[tuple[float, float]]) -> str:
    low, high = min(value for _, value in points), max(value for _, value in points)
    last = max(step for step, _ in points)
    span = (high - low) or 1.0
    path = " ".join(
        f"{step / last * (_WIDTH - 80) + 60:.1f},{(high - value) / span * (_HEIGHT - 40) + 20:.1f}"
        for step, value in points
    )
    said = html.escape(name)
    return (
        f"<h2>{said}: {points[-1][1]:.4g}</h2><svg viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}' role='img' "
        f"aria-label='{said}'><polyline points='{path}' fill='none' stroke='#06c' stroke-width='2'/>"
        f"<text x='4' y='24'>{high:.3g}</text><text x='4' y='{_HEIGHT - 16}'>{low:.3g}</text>"
        f"<text x='{_WIDTH - 80}' y='{_HEIGHT - 2}'>step {last:.0f}</text></svg>"
    )
