"""The page of the morning, in a real browser: map, swipe, filters by mouse and keyboard, and no request."""

import base64
import contextlib
import datetime as dt
import io
import itertools
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from PIL import Image, ImageDraw
from pypdf import PdfReader
from websockets.sync.client import connect

from leads.store.records import CoverageRecord
from pipelines.patrol.alarms import Alarm
from pipelines.patrol.areafile import AreaNight
from pipelines.patrol.bulletin import AreaPage, Bulletin, Card, write_bulletin
from pipelines.patrol.bulletin_map import Dot, map_of
from pipelines.patrol.files import Places

NIGHT = dt.date(2024, 7, 9)
EVIL = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
WORDS = ("new", "new", "confirmed", "withdrawn")


def picture(colour: str) -> str:
    image = Image.new("RGB", (480, 480), colour)
    ImageDraw.Draw(image).rectangle((200, 200, 280, 280), outline="yellow", width=3)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def bulletin() -> Bulletin:
    ground = shapely.box(119.5, 49.1, 119.8, 49.3)
    blocks = [shapely.box(119.5 + 0.1 * n, 49.1, 119.6 + 0.1 * n, 49.3) for n in range(3)]
    rows = [
        CoverageRecord("r", "steppe", f"b{n}", "after", NIGHT, share, 1 - share, 0, 0, EVIL if n == 2 else "", block)
        for n, (block, share) in enumerate(zip(blocks, (1.0, 0.4, 0.0), strict=True))
    ]
    dots = [Dot(f"WX-{n}", shapely.Point(119.53 + 0.06 * n, 49.15 + 0.03 * n).buffer(0.004), word)
            for n, word in enumerate(WORDS)]  # fmt: skip
    area = AreaNight(
        aoi="steppe", name_zh="草原", name_en=EVIL, run_id="r", night=NIGHT.isoformat(), turn=1, since="2024-06-20",
        scenes=2, newest="2024-07-09", km2=480.0, observed_km2=224.0, blocks=3, due=3, worked=2,
        days={NIGHT.isoformat(): {}}, failed={"b2": EVIL}, unreadable={"S2_X": "cut off"}, notes=(EVIL,),
    )  # fmt: skip
    models = ("地表扰动", "矿场监督", "地表扰动", "草原破坏监督")
    cards = tuple(
        Card(f"WX-{n}", "steppe", word, models[n], {"模型 model": models[n], "备注 remark": EVIL if n == 1 else "普通"},
             picture("green"), picture("brown"))
        for n, word in enumerate(WORDS)
    )  # fmt: skip
    news = {"new": 2, "confirmed": 1, "withdrawn": 1}
    return Bulletin(
        NIGHT, 1, "内部", (AreaPage(area, news, map_of("steppe", ground, rows, dots)),), cards, 0,
        {"steppe": "ab" * 32}, "inbox_20240709.gpkg", {"weekly": 10},
        (Alarm("steppe", "coverage", "观测覆盖 47%", EVIL),), [("线索 leads", "4")],
        ((("旗市区 banner", "线索 leads"), (EVIL, "4"), ("合计 total", "4")),),
    )  # fmt: skip


class Page:
    """A page in a headless Chromium, driven over its DevTools."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.requests: list[str] = []
        self.refused: list[str] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(timeout=60))
            self._note(said)
            if said.get("id") == number:
                assert "error" not in said, said
                return dict(said["result"])

    def _note(self, said: dict[str, Any]) -> None:
        if said.get("method") == "Network.requestWillBeSent":
            self.requests.append(said["params"]["request"]["url"])
        if said.get("method") == "Log.entryAdded":
            self.refused.append(said["params"]["entry"]["text"])

    def value(self, script: str) -> Any:
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True)["result"]
        return found.get("value")

    def key(self, key: str, code: str = "", text: str = "", virtual: int = 0) -> None:
        known = {"key": key, "code": code or key, "windowsVirtualKeyCode": virtual}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def type(self, text: str) -> None:
        for letter in text:
            self.key(letter, text=letter)

    def place(self, query: str, across: float = 0.5) -> tuple[float, float]:
        self.value(f"document.querySelector({query!r}).scrollIntoView({{block: 'center'}})")
        box = self.value(f"JSON.stringify(document.querySelector({query!r}).getBoundingClientRect())")
        said = json.loads(box)
        return said["left"] + said["width"] * across, said["top"] + said["height"] / 2

    def mouse(self, kind: str, x: float, y: float) -> None:
        pressed = 0 if kind == "mouseReleased" else 1
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=pressed, clickCount=1)

    def click(self, query: str, across: float = 0.5) -> None:
        x, y = self.place(query, across)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    @property
    def shown(self) -> list[str]:
        return list(self.value("[...document.querySelectorAll('article.lead:not([hidden])')].map(one => one.id)"))

    @property
    def dots(self) -> list[str]:
        return list(self.value("[...document.querySelectorAll('a.dot:not([hidden])')].map(one => one.dataset.lead)"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bulletin(Places(tmp_path_factory.mktemp("home")), bulletin(), pdf=False)


@pytest.fixture
def page(file: Path, tmp_path: Path, missing: Callable[[str], None]) -> Iterator[Page]:
    program = shutil.which("chromium")
    if program is None:
        missing("chromium is not installed")
    profile = tmp_path / "profile"
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--remote-debugging-port=0", "--window-size=1040,1600")  # fmt: skip
    browser = subprocess.Popen(
        [str(program), *quiet, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port, path = _devtools(profile / "DevToolsActivePort", browser)
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=2**26, proxy=None) as whole:
            whole.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            target = json.loads(whole.recv())["result"]["targetId"]
            with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=2**26, proxy=None) as socket:
                one = Page(socket)
                one.send("Page.navigate", url=file.as_uri())
                ends = time.monotonic() + 60
                while one.value("document.readyState") != "complete" and time.monotonic() < ends:
                    time.sleep(0.05)
                yield one
    finally:
        browser.terminate()
        browser.wait(30)


def _devtools(note: Path, browser: "subprocess.Popen[bytes]") -> tuple[str, str]:
    ends = time.monotonic() + 120
    while time.monotonic() < ends and browser.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            port, path = note.read_text().split()
            return port, path
        time.sleep(0.05)
    pytest.fail("chromium did not start")


def test_map_swipe_and_filters_by_mouse_and_keyboard_without_a_request(page: Page, file: Path) -> None:
    # map: blocks by what was seen of them, a dot for each lead
    assert page.value("document.querySelectorAll('svg.map .block').length") == 3
    assert page.dots == ["WX-0", "WX-1", "WX-2", "WX-3"]
    assert page.value("getComputedStyle(document.querySelector('.block.c4')).fill") == "rgb(95, 158, 82)"
    page.click("a.dot[data-lead=WX-2] circle")
    assert page.value("document.activeElement.id") == "WX-2"

    # swipe: with the mouse to a quarter, with the arrow keys on from there
    at = "document.querySelector('#WX-2 .swipe').style.getPropertyValue('--at')"
    x, y = page.place("#WX-2 .swipe input", 0.5)
    page.mouse("mousePressed", x, y)
    quarter = page.place("#WX-2 .swipe input", 0.25)[0]
    page.mouse("mouseMoved", quarter, y)
    page.mouse("mouseReleased", quarter, y)
    assert 20 <= float(page.value(at).rstrip("%")) <= 30
    before = float(page.value(at).rstrip("%"))
    page.key("ArrowRight", virtual=39)
    assert float(page.value(at).rstrip("%")) == before + 1
    page.value("document.getElementById('WX-2').focus()")
    page.key("ArrowRight", virtual=39)
    assert float(page.value(at).rstrip("%")) == before + 11
    clip = page.value("getComputedStyle(document.querySelector('#WX-2 .over')).clipPath")
    assert re.search(rf"inset\(0(px)? 0(px)? 0(px)? {before + 11:g}%\)", clip)

    # filters by mouse: a state off, then on again by the keyboard
    page.click("input[value=new]")
    assert page.shown == ["WX-2", "WX-3"]
    assert page.dots == ["WX-2", "WX-3"]
    page.key(" ", code="Space", text=" ", virtual=32)
    assert len(page.shown) == 4

    # filters by keyboard alone: find, clear, model
    page.value("document.activeElement.blur()")
    page.key("/", text="/", virtual=191)
    page.type("WX-3")
    assert page.shown == ["WX-3"]
    assert page.value("document.getElementById('shown').textContent") == "1 / 4"
    page.key("Escape", virtual=27)
    assert len(page.shown) == 4
    page.value("document.getElementById('model').focus()")
    page.key("ArrowDown", virtual=40)
    assert page.value("document.getElementById('model').value") != ""
    assert 0 < len(page.shown) < 4
    page.key("Escape", virtual=27)

    # from lead to lead
    page.value("document.activeElement.blur()")
    for key, lead in (("j", "WX-0"), ("j", "WX-1"), ("k", "WX-0")):
        page.key(key, text=key, virtual=ord(key.upper()))
        assert page.value("document.activeElement.id") == lead

    # nothing ran that was not ours, and nothing was asked of anybody
    assert page.value("document.title").startswith("卫巡")
    assert [url for url in page.requests if not url.startswith("data:")] == [file.as_uri()]
    assert page.refused == []
    assert page.value("document.querySelectorAll('.lead script, .lead img[onerror]').length") == 0


def test_the_policy_refuses_what_is_not_ours(page: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        page.value("const s = document.createElement('script'); s.textContent = 'document.title = 1'; "
                   "document.body.append(s)")  # fmt: skip
        page.value(f"const i = new Image(); i.src = 'http://127.0.0.1:{port}/x.png'; document.body.append(i)")
        page.value(f"fetch('http://127.0.0.1:{port}/x').catch(() => 0)")
        page.value("new Promise(done => setTimeout(done, 300))")
        assert page.value("document.title").startswith("卫巡")
        server.settimeout(0.3)
        with pytest.raises(TimeoutError):
            server.accept()
    assert any("Content Security Policy" in said for said in page.refused)


def test_everything_is_escaped_and_said(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert EVIL not in text
    assert text.count("&lt;script&gt;") >= 5
    for said in ("224", "256", "观测覆盖 47%", "ab" * 32, "S2_X", "inbox_20240709.gpkg", "内部", "cut off"):
        assert said in text
    assert "http" not in re.sub(r"data:[^\"]+", "", text).replace("http-equiv", "")


def test_a_quiet_night_says_that_nothing_was_seen(tmp_path: Path) -> None:
    whole = bulletin()
    quiet = replace(whole.areas[0].night, due=0, worked=0, days={}, failed={}, unreadable={}, observed_km2=0.0)
    told = replace(whole, cards=(), areas=(replace(whole.areas[0], night=quiet, news={}),), alarms=())
    text = write_bulletin(Places(tmp_path), told, pdf=False).read_text(encoding="utf-8")
    assert "没有新影像" in text
    assert "No new leads" in text


def test_the_pdf_holds_the_same(tmp_path: Path) -> None:
    file = write_bulletin(Places(tmp_path), bulletin(), pdf=True)
    pages = PdfReader(file.with_suffix(".pdf")).pages
    text = "".join(one.extract_text() for one in pages)
    assert "卫巡巡查简报" in text
    assert "WX-3" in text
    assert sum(len(one.images) for one in pages) == 8
