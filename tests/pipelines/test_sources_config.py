"""What a home's sources.toml may say, and what is said about it."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from imagery.archive import Archive
from pipelines.connect import imagery_of
from pipelines.errors import BadInputError
from pipelines.sources import EXAMPLE, FILE, configured

Ran = Callable[..., tuple[int, str, str]]

PLANTED_SECRET = "planted.secret~8/15+x="


@pytest.fixture
def home(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with three sources of which two are ready; nobody is asked anything."""
    Archive.create_or_open(tmp_path / "archive")
    monkeypatch.setenv("WEIXUN_CDSE_CLIENT_ID", "x")
    monkeypatch.setenv("WEIXUN_CDSE_CLIENT_SECRET", PLANTED_SECRET)
    monkeypatch.setenv("WEIXUN_STAC_TOKEN", PLANTED_SECRET)
    (own_home / FILE).write_text(f"""
[disc]
type = "local"
archive = "{tmp_path / "archive"}"
[stac]
type = "stac"
profile = "earth-search"
credentials = "bearer"
[cdse]
type = "sentinelhub"
credentials = "cdse"
""")
    return own_home


WRONG = {
    "no toml": ('[cdse\ntype = "stac"', "is not TOML"),
    "unknown key": ('[cdse]\ntype = "sentinelhub"\nclient_secret = "planted"', "key 'client_secret' that no source"),
    "unknown limit": ('[a]\ntype = "stac"\nprofile = "earth-search"\n[a.limits]\ntries = 3', "key 'limits.tries'"),
    "wrong type of a value": (
        '[a]\ntype = "stac"\nprofile = "earth-search"\n[a.limits]\nattempts = "many"',
        r"\[a\] is wrong at limits.attempts: .*integer",
    ),
    "unknown type": ('[a]\ntype = "ftp"', r"\[a\] has an unknown type; write one of stac, sentinelhub"),
    "no type": ("[a]\nurl = 'x'", r"\[a\] names no type"),
    "no table": ("cache_gbs = 5", "'cache_gbs' is no source"),
    "cache of no size": ("cache_gb = -1", "cache_gb"),
    "a name that is none": ('["a,b"]\ntype = "stac"\nprofile = "earth-search"', "is no name for a source"),
    "plain http": ('[a]\ntype = "stac"\nurl = "http://stac.example/v1"\ncollections = ["x"]', "must be asked by https"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_in_the_file_is_said(own_home: Path, weixun: Ran, kind: str) -> None:
    content, words = WRONG[kind]
    (own_home / FILE).write_text(content)
    with pytest.raises(BadInputError, match=words) as caught:
        configured(own_home)
    assert str(own_home / FILE) in str(caught.value)
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    code, _, said = weixun("sources", "list")
    assert (code, "weixun: " in said) == (2, True)


def test_names_and_credentials_that_are_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: str, words: str, archive: Path | None = None) -> None:
        with pytest.raises(BadInputError, match=words) as caught, imagery_of(archive, source, home):
            pass
        assert PLANTED_SECRET not in "".join(traceback.format_exception(caught.value))

    refused("cdsee", r"no image source 'cdsee' is configured \(disc, stac, cdse are\)")
    refused("cdse,", "no image source ''")
    refused("", "either --archive DIR or --source NAME")
    refused("disc", "either --archive DIR or --source NAME", home)
    refused("", "no archive|is not an archive", home)
    monkeypatch.delenv("WEIXUN_CDSE_CLIENT_SECRET")
    refused("disc,cdse", "WEIXUN_CDSE_CLIENT_SECRET.*chmod 600")
    file = home / "secrets" / "cdse.toml"
    file.parent.mkdir()
    file.write_text(f'client_id = "x"\nclient_secret = "{PLANTED_SECRET}"\n')
    file.chmod(0o644)
    refused("cdse", "others can read .* chmod 600")
    file.chmod(0o600)
    with imagery_of(None, "cdse", home) as provider:
        assert provider.name == "cdse"


def test_sources_are_listed_and_shown(home: Path, weixun: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEIXUN_STAC_TOKEN")
    code, printed, _ = weixun("sources", "list", "--json")
    rows = {row["name"]: row for row in json.loads(printed)}
    assert code == 0
    assert {name: row["ready"] for name, row in rows.items()} == {"disc": True, "stac": False, "cdse": True}
    assert "WEIXUN_STAC_TOKEN" in rows["stac"]["said"]
    _, printed, _ = weixun("sources", "list")
    assert "not ready" in printed
    _, printed, _ = weixun("doctor", "--json")
    checks = {row["what"]: row["ok"] for row in json.loads(printed)}
    assert (checks["source disc"], checks["source stac"]) == (True, False)
    (home / FILE).write_text("[disc")
    code, printed, _ = weixun("doctor", "--json")
    assert (code, {row["what"]: row["ok"] for row in json.loads(printed)}[FILE]) == (1, False)
    code, printed, _ = weixun("sources", "example")
    assert (code, printed) == (0, EXAMPLE)
    (home / FILE).write_text(printed)
    assert set(configured(home).named) == {"earth-search", "cdse", "landsat", "discs"}
    (home / FILE).unlink()
    code, printed, said = weixun("sources", "list")
    assert (code, printed) == (0, "")
    assert "sources example" in said
