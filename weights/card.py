"""The model card: what a person must know before trusting the numbers."""

from collections.abc import Iterable, Sequence

from weights.manifest import Entry, Scalar


def render(entry: Entry) -> str:
    """The card of an entry, in Markdown: a Chinese summary, the rest in English."""
    parts = [
        f"# {entry.name}",
        _summary_zh(entry),
        "## What it is",
        f"Trained weights of Weixun for `{entry.name}`, in `{entry.file}` ({entry.bytes / 1e6:.2f} MB, SHA-256 "
        f"`{entry.sha256}`). Licence: {_line(entry.licence)}. Trained with code version {_line(entry.code_version)}, "
        f"finished {entry.created.isoformat()}.",
        _table(("part", "value"), ((key, _shown(value)) for key, value in entry.architecture.items())),
        "## What it reads, and how its score is read",
        f"Bands {', '.join(entry.bands)}; pixels of {_gsd(entry)} m; a score depends on pixels up to "
        f"{entry.reach_px} px away. {_patches(entry)} {_calibration(entry)} "
        "What is found is a lead, never a verdict.",
        "## Training data",
        _table(("data", "licence", "what"), ((one.name, one.licence, one.what) for one in entry.training_data)),
        "## Measured",
        _table(
            ("set", "measure", "value", "repeat with"),
            ((one.set, one.measure, f"{one.value:g}", one.command) for one in entry.metrics),
        )
        if entry.metrics
        else "Nothing was measured: do not rely on these weights.",
        "## Limits",
        entry.notes_en.strip() or "None are noted.",
        "## How to repeat",
        f"With code version {_line(entry.code_version)} and seed {entry.seed}:",
        "\n".join(f"    {line}" for line in entry.command.splitlines()),
    ]
    return "\n\n".join(parts) + "\n"


def _summary_zh(entry: Entry) -> str:
    data = "；".join(f"{_line(one.name)}（{_line(one.licence)}）" for one in entry.training_data)
    return (
        f"**摘要**：卫巡 `{entry.name}` 权重。读取波段 {'、'.join(entry.bands)}，像元 {_gsd(entry)} 米；"
        f"阈值高 {entry.thresholds.high:g}、低 {entry.thresholds.low:g}。训练数据：{data}。"
        f"权重许可：{_line(entry.licence)}。结果只是线索，不是结论。{_line(entry.notes_zh)}"
    )


def _gsd(entry: Entry) -> str:
    finest, coarsest = entry.gsd_m
    return f"{finest:g}" if finest == coarsest else f"{finest:g}–{coarsest:g}"


def _patches(entry: Entry) -> str:
    limits = entry.thresholds
    if limits.patch_low is None or limits.patch_high is None:
        return f"A patch must reach {limits.high:g} and grows down to {limits.low:g}."
    score = f"Maps of the score are cut at {limits.high:g}, grown down to {limits.low:g}."
    return (
        f"{score} A patch must be {limits.patch_high:g} certain by the network alone, a probability on plantings, "
        f"and grows down to {limits.patch_low:g}."
    )


def _calibration(entry: Entry) -> str:
    if not entry.calibration.points:
        return "The raw score is taken as it is."
    return f"Raw scores are calibrated along {len(entry.calibration.points)} points kept in the manifest."


def _shown(value: Scalar | list[Scalar]) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_line(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _line(text: str) -> str:
    return " ".join(text.split())
