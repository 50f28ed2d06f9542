"""Who is told: servers on loopback that behave, and servers that do not."""

import contextlib
import datetime as dt
import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.patrol.areafile import AreaNight
from pipelines.patrol.config import Mail, Notify, Webhook
from pipelines.patrol.files import Places
from pipelines.patrol.notify import tell

NIGHT = dt.date(2024, 7, 9)
TOKEN = "very-secret-token"
Answer = Callable[[http.server.BaseHTTPRequestHandler, int], None]


def area() -> AreaNight:
    return AreaNight(
        aoi="steppe", name_zh="草原", name_en="steppe", run_id="r", night="2024-07-09", turn=1, since="", scenes=1,
        newest="2024-07-09", km2=10, observed_km2=9, blocks=1, due=1, worked=1, days={"2024-07-09": {}}, failed={},
        unreadable={},
    )  # fmt: skip


@contextlib.contextmanager
def hook(answer: Answer) -> Iterator[tuple[str, list[tuple[dict[str, str], Any]]]]:
    """A webhook that answers as told; gives its address and what it got."""
    got: list[tuple[dict[str, str], Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.append((dict(self.headers), json.loads(body)))
            answer(self, len(got))

        def do_GET(self) -> None:
            got.append((dict(self.headers), None))
            answer(self, len(got))

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", got
        finally:
            server.shutdown()
            thread.join()


def status(code: int, **headers: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler, count: int) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def told(home: Path, notify: Notify) -> tuple[str, ...]:
    return tell(notify, Places(home), NIGHT, [area()], home / "bulletins" / "bulletin_20240709.html")


def webhook(url: str, **more: Any) -> Notify:
    return Notify(webhook=Webhook(url=url, timeout_s=2, **more))


def test_a_webhook_gets_numbers_and_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIXUN_WEBHOOK_TOKEN", TOKEN)
    with hook(status(204)) as (url, got):
        assert told(tmp_path, webhook(url, token=True)) == ()
    headers, said = got[0]
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert said["night"] == "2024-07-09"
    assert said["areas"][0]["observed"] == 0.9
    assert str(tmp_path) not in json.dumps(said)


def test_a_server_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    def busy_at_first(handler: http.server.BaseHTTPRequestHandler, count: int) -> None:
        status(503 if count == 1 else 200)(handler, count)

    with hook(busy_at_first) as (url, got):
        assert told(tmp_path, webhook(url)) == ()
    assert len(got) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(500), "refused the note with 500"),
        (status(302, Location="http://127.0.0.1:9/elsewhere"), "refused the note with 302"),
        (lambda handler, count: handler.connection.close(), "was not told"),
        (lambda handler, count: handler.wfile.write(b"\0" * 100), "was not told"),
    ],
)
def test_a_webhook_that_misbehaves_is_a_note_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str
) -> None:
    monkeypatch.setenv("WEIXUN_WEBHOOK_TOKEN", TOKEN)
    with hook(answer) as (url, got):
        notes = told(tmp_path, webhook(url, token=True))
    assert len(notes) == 1
    assert said in notes[0]
    assert TOKEN not in notes[0]
    assert 1 <= len(got) <= 3


def test_nobody_there_is_a_note(tmp_path: Path) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        port = server.server_address[1]
    notes = told(tmp_path, webhook(f"http://127.0.0.1:{port}/"))
    assert "was not told" in notes[0]


def test_missing_credentials_are_named_before_anybody_is_asked(tmp_path: Path) -> None:
    with hook(status(200)) as (url, got):
        notes = told(tmp_path, webhook(url, token=True))
    assert "WEIXUN_WEBHOOK_TOKEN" in notes[0]
    assert got == []


# --- mail -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def mail_server(refuse: str = "") -> Iterator[tuple[int, list[str]]]:
    """A mail server of a few words; it refuses at the command named."""
    lines: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline().decode().strip():
                lines.append(line)
                word = line.split()[0].upper()
                if word == refuse:
                    if refuse == "DATA":
                        return
                    self.say(f"535 refused, you said {line}")
                elif word == "EHLO":
                    self.say("250-test\r\n250 AUTH PLAIN")
                elif word == "DATA":
                    self.say("354 go on")
                    while (part := self.rfile.readline().decode()) not in (".\r\n", ""):
                        lines.append(part.rstrip())
                    self.say("250 kept")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("235 well" if word == "AUTH" else "250 well")

        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], lines
        finally:
            server.shutdown()
            thread.join()


def mail(port: int, **more: Any) -> Notify:
    said = {"security": "none", "login": False, **more}
    return Notify(mail=Mail(host="127.0.0.1", port=port, sender="w@x", to=("desk@x",), timeout_s=5, **said))


def test_a_mail_is_sent(tmp_path: Path) -> None:
    with mail_server() as (port, lines):
        assert told(tmp_path, mail(port)) == ()
    assert "rcpt to:<desk@x>" in [line.lower() for line in lines]
    assert any(line.startswith("Subject: ") for line in lines)


@pytest.mark.parametrize("refuse", ["AUTH", "MAIL", "RCPT", "DATA", "EHLO"])
def test_a_mail_server_that_refuses_is_a_note_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: str
) -> None:
    monkeypatch.setenv("WEIXUN_SMTP_USER", "user")
    monkeypatch.setenv("WEIXUN_SMTP_PASSWORD", TOKEN)
    with mail_server(refuse) as (port, _):
        notes = told(tmp_path, mail(port, login=True))
    if refuse == "EHLO":  # the older greeting knows no login
        assert notes
    assert "no mail was sent" in notes[0]
    assert TOKEN not in notes[0]
    assert "you said" not in notes[0]
