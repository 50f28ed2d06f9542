"""All measures, one after the other: nothing runs beside what is timed."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.isolated import ROOT, JobFailedError, Measured, run
from benchmarks.patrol import BOUND_MIN, CORES, PATROL_KM2, minutes
from benchmarks.rows import Row, show, write
from benchmarks.world import FULL_M, cached_world

QUICK_M = 14_200
"""About 200 km²."""

MEMORY_BOUND_GB = 3.0
HELP_BOUND_S = 0.5
STORE_BOUND_GB = 2.0
PRECISION_BOUND = 0.02
SAME_BOUND = 1e-4
"""Reflectance; the check itself ends with an error beyond it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print one table, write the JSON file."""
    options = _parser().parse_args(arguments)
    size_m = options.size_m or (QUICK_M if options.quick else FULL_M)
    world = cached_world(options.cache, size_m, options.seed)
    _warn_if_busy()
    rows = []
    try:
        for row in _measure(world, options.quick):
            rows.append(row)
            print(f"{row.name}: {row.ours:.4g} {row.unit}", file=sys.stderr, flush=True)
    except JobFailedError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    finally:
        if rows:
            write(rows, options.out)
    show(rows, f"{(size_m / 1000) ** 2:,.0f} km² of simulated steppe, three dates; `other` is named in each row")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 km² instead of 2,500")
    parser.add_argument("--size-m", type=int, help="edge of the simulated ground in metres")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated ground")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "weixun-bench", help="keeps archives"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "latest.json", help="the JSON file")
    return parser


def _warn_if_busy() -> None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 0.5 * cores:
        print(f"the machine is busy (load {load:.1f} on {cores} cores): times will be too long", file=sys.stderr)


def _measure(world: Path, quick: bool) -> Iterator[Row]:
    place = str(world)
    decoded = run("decode", world=place)
    whole = run("scan", world=place, quarter="no")
    area, seconds = whole.result["km2"], whole.result["seconds"]
    yield Row("scan, beside decoding the same files once with all cores", area / seconds,
              area / decoded.result["seconds"], "km²/s", whole.command)  # fmt: skip
    yield Row("peak memory of the scan, beside its bound", whole.peak_bytes / 1e9, MEMORY_BOUND_GB, "GB", whole.command)

    quarter = run("scan", world=place, quarter="yes")
    yield Row("peak memory of the whole, beside a quarter of the area", whole.peak_bytes / 1e9,
              quarter.peak_bytes / 1e9, "GB", quarter.command)  # fmt: skip
    counts = f"({whole.result['blocks']}), beside a quarter ({quarter.result['blocks']})"
    for name, seconds_of in (("whole scan", _total), ("stage blocks", _blocks)):
        ours, other = (seconds_of(found.result) / found.result["blocks"] for found in (whole, quarter))
        yield Row(f"{name} per block of the whole {counts}", ours, other, "s", quarter.command)
    for stage, lap in whole.result["stages"].items():
        yield Row(f"stage {stage}, beside the whole scan", lap, seconds, "s", whole.command)

    everyone, one = (run("detectors", world=place, which=which) for which in ("all", "one"))
    yield Row(f"one block by all {everyone.result['detectors']} detectors, beside one, in CPU time",
              everyone.result["cpu_s"], one.result["cpu_s"], "CPU s", everyone.command)  # fmt: skip
    fitted = run("normals", world=place, samples=60_000 if quick else 300_000)
    yield Row(f"fit of one cell's normals, {fitted.result['samples']:,} pixels", fitted.result["seconds"], None, "s",
              fitted.command)  # fmt: skip
    read = run("read", world=place, windows=1 if quick else 8)
    yield Row("read_scene (six bands, masks), beside rasterio's warp of the same files",
              read.result["ours_mpx_s"], read.result["other_mpx_s"], "Mpx/s", read.command)  # fmt: skip
    yield from _mosaic(place)
    ranked = run("evaluation", mpx=2 if quick else 25)
    yield Row("evaluate (counts, AUC, best threshold), beside sorting", ranked.result["ours_mpx_s"],
              ranked.result["other_mpx_s"], "Mpx/s", ranked.command)  # fmt: skip
    yield from _network(quick)
    yield from _store(quick)
    yield from _patrol(place, area, decoded.result["seconds"])
    yield _help()


def _mosaic(place: str) -> Iterator[Row]:
    """The best pixel of all scenes; that both ways give the same is looked at first, and ends the run if not."""
    same = run("same_mosaic", world=place)
    ways = {way: _faster("mosaic", world=place, way=way) for way in ("ours", "odc", "decode")}
    small = run("mosaic", world=place, way="ours", part="quarter")
    ours, command = ways["ours"], ways["ours"].command
    mpx = ours.result["mpx"]
    for measure, unit, clock in (("seconds", "Mpx/s", "by the clock"), ("cpu_s", "Mpx/CPU s", "in CPU time")):
        speed = {way: mpx / found.result[measure] for way, found in ways.items()}
        yield Row(
            f"mosaic, beside odc-stac + xarray with as many threads, {clock}",
            speed["ours"],
            speed["odc"],
            unit,
            command,
        )
        yield Row(
            f"mosaic, beside decoding the windows it reads, {clock}", speed["ours"], speed["decode"], unit, command
        )
    yield Row("mosaic, largest difference from odc-stac's, beside the bound", same.result["worst"], SAME_BOUND, "",
              same.command)  # fmt: skip
    yield Row("peak memory of the mosaic, beside a quarter of the area", ours.peak_bytes / 1e9, small.peak_bytes / 1e9,
              "GB", small.command)  # fmt: skip


def _faster(job: str, times: int = 2, **arguments: str | int) -> Measured:
    """The run that was disturbed least, of several in processes of their own."""
    return min((run(job, **arguments) for _ in range(times)), key=lambda found: float(found.result["seconds"]))


def _network(quick: bool) -> Iterator[Row]:
    network: dict[str, str | int] = {"encoder": "mobilenet_v2", "depth": 4, "times": 2 if quick else 5}
    asked = run("inference", **network)
    other = run("plain", **network).result["plain_mpx_s"]
    found, command = asked.result, asked.command
    for precision in ("bf16", "fp32"):
        yield Row(f"network on a block, {precision}, beside windows in fp32",
                  found[f"{precision}_mpx_s"], other, "Mpx/s", command)  # fmt: skip
    yield Row("network, 99.9 % of bf16 scores within, beside the bound", found["percentile_99_9"],
              PRECISION_BOUND, "", command)  # fmt: skip
    yield Row("peak memory of the network on a block", asked.peak_bytes / 1e9, None, "GB", command)


def _store(quick: bool) -> Iterator[Row]:
    """A night's write: what a finding costs must not follow the number of leads in the store."""
    small = 2_500 if quick else 10_000
    size = 10 * small if quick else 100 * small
    found = run("store", leads=size, small=small, findings=small)
    for measure, clock in (("cpu_s", "CPU time"), ("seconds", "by the clock")):
        large, other = (found.result[measure][str(leads)] / small * 1e3 for leads in (size, small))
        yield Row(f"a finding of a night on {size:,} leads, beside on {small:,}, {clock}", large, other, "ms",
                  found.command)  # fmt: skip
    yield Row(f"a night of {small:,} findings on {size:,} leads", found.result["seconds"][str(size)], None, "s",
              found.command)  # fmt: skip
    yield Row("peak memory of both stores, beside its bound", found.peak_bytes / 1e9, STORE_BOUND_GB, "GB",
              found.command)  # fmt: skip


def _patrol(place: str, area: float, decoded_s: float) -> Iterator[Row]:
    """A night with one new date: a corner and the whole are worked, 37,000 km² follow from what a km² costs."""
    small, large = run("patrol", world=place, share="0.5"), run("patrol", world=place, share="1")
    points = [(found.result["km2"], found.result["seconds"]) for found in (small, large)]
    rates = [found.result["stages"]["blocks"] / found.result["work"]["mpx"] for found in (small, large)]
    command = large.command
    yield Row(f"patrol of {PATROL_KM2:,} km², one new date, from {large.result['blocks']} blocks, beside its bound",
              minutes(small.result, large.result), BOUND_MIN, "min", command)  # fmt: skip
    yield Row("patrol, blocks, per Mpx read with halos, beside a quarter of the area", rates[1],
              rates[0], "s/Mpx", command)  # fmt: skip
    yield Row(f"patrol, CPU time of {CORES} cores, beside the clock", large.result["cpu_s"] / CORES, points[1][1], "s",
              command)  # fmt: skip
    yield Row("patrol per km² of the whole, beside a quarter of the area", points[1][1] / points[1][0],
              points[0][1] / points[0][0], "s/km²", command)  # fmt: skip
    yield Row("peak memory of the patrol, beside a quarter of the area", large.peak_bytes / 1e9,
              small.peak_bytes / 1e9, "GB", command)  # fmt: skip
    whole = large.result["seconds"]
    night = {"store, inbox, evidence, bulletin": large.result["night_s"]}
    for stage, lap in {**large.result["stages"], **night}.items():
        yield Row(f"patrol, stage {stage}, beside the whole night", lap, whole, "s", command)
    yield Row("patrol, blocks, beside decoding every file they read once", large.result["stages"]["blocks"],
              decoded_s * large.result["km2"] / area, "s", command)  # fmt: skip
    network: dict[str, str | int] = {"encoder": "mobilenet_v2", "depth": 4, "times": 2}
    forward_s = large.result["km2"] * 0.01 / run("inference", **network).result["bf16_mpx_s"]
    yield Row("patrol, blocks, beside the network's forward pass over their cores alone",
              large.result["stages"]["blocks"], forward_s, "s", command)  # fmt: skip
    yield Row("a night without new scenes", large.result["quiet_s"], None, "s", command)


def _total(scanned: dict[str, Any]) -> float:
    return float(scanned["seconds"])


def _blocks(scanned: dict[str, Any]) -> float:
    return float(scanned["stages"]["blocks"])


def _help() -> Row:
    command = [str(Path(sys.executable).with_name("weixun")), "--help"]
    laps = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
        laps.append(time.perf_counter() - start)
    return Row("weixun --help, beside its bound", min(laps), HELP_BOUND_S, "s", "weixun --help")
