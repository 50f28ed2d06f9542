"""`patrol.toml`: what it may say, and how a mistake is told."""

import datetime as dt
import tomllib
from pathlib import Path

import pytest

from pipelines.errors import BadInputError
from pipelines.patrol.config import Before, PatrolConfig, Schedule, Watch, read_config
from pipelines.patrol.example import EXAMPLE
from pipelines.patrol.seasons import ranges_before

WATCH = '[[watch]]\naoi = "a"\narchive = "x"\n'


def test_the_example_is_valid_and_its_mail_too() -> None:
    config = PatrolConfig.model_validate(tomllib.loads(EXAMPLE))
    assert [watch.aoi for watch in config.watch] == ["hulun_lake", "119.75,49.21,15000"]
    whole = "\n".join(
        line.removeprefix("# ") if line.startswith("# [notify.mail]") else line for line in EXAMPLE.split("\n")
    )
    for key in ("host", "sender", "to"):
        whole = whole.replace(f"# {key} =", f"{key} =")
    assert PatrolConfig.model_validate(tomllib.loads(whole)).notify.mail is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[watch]]\naoi = "a"\n', r"line 1, \[\[watch\]\] number 1: name the imagery with either archive or source"),
        (WATCH + '\n[[watch]]\naoi = "b"\nsource = "q"\nfoo = 3\n', r"line 8, .* number 2: 'foo' is not known"),
        (WATCH + '[schedule]\ncron = "1 2 3"\n', r"line 5, \[schedule\]: cron: no cron of five fields"),
        (WATCH + '[schedule]\ncron = "0 25 * * *"\n', "no cron of five fields"),
        (WATCH + '[schedule]\ntimezone = "Asia/Nowhere"\n', "no time zone 'Asia/Nowhere'"),
        (WATCH + '[before]\nseasons = ["06"]\n', r"line 5, \[before\]: seasons: write a span of the year"),
        (WATCH + '[before]\nseasons = ["11-01/02-01"]\n', "must not cross the end of the year"),
        (WATCH + '[notify.mail]\nhost = "h"\nsender = "x"\nto = ["a@b"]\n', r"mail.sender"),
        (WATCH + WATCH, "watched twice"),
        ("x =", "is not TOML"),
        ("", r"watch"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "patrol.toml"
    file.write_text(text)
    with pytest.raises(BadInputError, match=said) as told:
        read_config(file)
    assert str(file) in str(told.value)


def test_paths_are_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "here.geojson").write_text("{}")
    file = tmp_path / "patrol.toml"
    file.write_text('[[watch]]\naoi = "here.geojson"\narchive = "images"\nlayers = "layers"\n')
    watch = read_config(file).watch[0]
    assert (watch.aoi, watch.archive, watch.layers) == (
        str(tmp_path / "here.geojson"), tmp_path / "images", tmp_path / "layers",
    )  # fmt: skip


def test_only_what_decides_the_leads_is_in_its_hash() -> None:
    config = PatrolConfig(watch=(Watch(aoi="a", archive=Path("/one/x")),))
    elsewhere = PatrolConfig(watch=(Watch(aoi="a", archive=Path("/other/x")),), schedule=Schedule(cron="1 1 * * *"))
    assert config.sha256 == elsewhere.sha256
    assert config.sha256 != config.model_copy(update={"before": Before(years=1)}).sha256


def test_tonight_is_the_date_of_the_patrols_own_place() -> None:
    schedule = Schedule()
    assert schedule.tonight(dt.datetime(2026, 7, 20, 18, 30, tzinfo=dt.UTC)) == dt.date(2026, 7, 21)
    assert schedule.tonight(dt.datetime(2026, 7, 20, 15, 30, tzinfo=dt.UTC)) == dt.date(2026, 7, 20)


def test_a_day_is_held_against_its_own_season_of_earlier_years() -> None:
    before = Before(seasons=("04-15/06-10", "06-11/08-31"), years=2)
    assert ranges_before(before, dt.date(2026, 7, 1)) == (
        (dt.date(2024, 6, 11), dt.date(2024, 8, 31)),
        (dt.date(2025, 6, 11), dt.date(2025, 8, 31)),
    )
    assert ranges_before(before, dt.date(2026, 6, 10))[0][1] == dt.date(2024, 6, 10)
    assert ranges_before(before, dt.date(2026, 1, 10)) == ()


def test_an_area_has_its_turn_every_so_many_nights() -> None:
    watch = Watch(aoi="a", source="s", every_nights=5)
    nights = [dt.date(2026, 7, 1) + dt.timedelta(days=n) for n in range(20)]
    assert sum(watch.due(night) for night in nights) == 4
