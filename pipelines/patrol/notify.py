"""Who is told in the morning: a JSON note to a webhook, a mail. A night never fails for want of a listener."""

import datetime as dt
import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import urllib3

from imagery.errors import ProviderError
from imagery.remote.secrets import Secret, credentials
from pipelines.patrol.areafile import AreaNight
from pipelines.patrol.config import Mail, Notify, Webhook
from pipelines.patrol.files import Places
from pipelines.patrol.logs import LOG

ATTEMPTS = 3
ANSWER_BYTES = 4096


def tell(notify: Notify, places: Places, night: dt.date, areas: Sequence[AreaNight], bulletin: Path) -> tuple[str, ...]:
    """Tell everybody; gives a sentence for each who could not be told."""
    notes: list[str] = []
    said = note_of(night, areas, bulletin)
    if notify.webhook is not None:
        notes += _post(notify.webhook, said, places)
    if notify.mail is not None:
        notes += _mail(notify.mail, said, places, night)
    for note in notes:
        LOG.warning("%s", note)
    return tuple(notes)


def note_of(night: dt.date, areas: Sequence[AreaNight], bulletin: Path) -> dict[str, Any]:
    """What is told: numbers and where to read on; no outline and no place, which may be classified."""
    return {
        "what": "weixun.patrol",
        "night": night.isoformat(),
        "bulletin": bulletin.name,
        "areas": [
            {
                "aoi": area.aoi,
                "observed": round(area.observed_share, 4),
                "blocks": area.worked,
                "failed": len(area.failed),
                "unreadable": len(area.unreadable),
                "error": bool(area.error),
            }
            for area in areas
        ],
    }


def _post(webhook: Webhook, said: Mapping[str, Any], places: Places) -> list[str]:
    try:
        token = credentials("webhook", ("token",), places.home / "secrets")["token"] if webhook.token else None
    except ProviderError as error:
        return [f"the webhook was not told: {error}"]
    headers = {"Content-Type": "application/json", **_bearer(token)}
    # A redirect is not followed: it would take the token elsewhere.
    retries = urllib3.Retry(ATTEMPTS - 1, redirect=False, status_forcelist=(429, 502, 503, 504), backoff_factor=0.2,
                            backoff_max=5, allowed_methods=None, respect_retry_after_header=False,
                            raise_on_status=False)  # fmt: skip
    host = urllib3.util.parse_url(webhook.url).host
    try:
        with urllib3.PoolManager(timeout=webhook.timeout_s, retries=retries) as pool:
            answer = pool.request("POST", webhook.url, body=json.dumps(said).encode(), headers=headers,
                                  preload_content=False)  # fmt: skip
            answer.read(ANSWER_BYTES)
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return [f"the webhook at {host} was not told ({type(error).__name__}); the bulletin lies in {places.bulletins}"]
    if not 200 <= answer.status < 300:
        return [f"the webhook at {host} refused the note with {answer.status}; the bulletin lies in {places.bulletins}"]
    return []


def _bearer(token: Secret | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}


def _mail(mail: Mail, said: Mapping[str, Any], places: Places, night: dt.date) -> list[str]:
    try:
        secret = credentials("smtp", ("user", "password"), places.home / "secrets") if mail.login else {}
    except ProviderError as error:
        return [f"no mail was sent: {error}"]
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Subject"] = f"卫巡 {night} 巡查简报 Weixun bulletin"
    message.set_content(_text(said))
    try:
        _send(mail, message, secret)
    except (smtplib.SMTPException, OSError) as error:
        # The server's own words may quote what was sent to it: only the kind of error is told.
        return [f"no mail was sent by {mail.host} ({type(error).__name__}); the bulletin lies in {places.bulletins}"]
    return []


def _text(said: Mapping[str, Any]) -> str:
    rows = [
        f"{area['aoi']}: 观测 observed {area['observed']:.0%}, {area['blocks']} blocks"
        + (f", {area['failed']} failed" if area["failed"] else "")
        + (", 影像来源无法访问 source not reached" if area["error"] else "")
        for area in said["areas"]
    ]
    return "\n".join([f"巡查简报 {said['bulletin']}", *rows, "", "线索，非鉴定意见。 Leads, not verdicts."])


def _send(mail: Mail, message: EmailMessage, secret: Mapping[str, Secret]) -> None:
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            mail.host, mail.port, timeout=mail.timeout_s, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_s)
    with server:
        if mail.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if secret:
            server.login(secret["user"].reveal(), secret["password"].reveal())
        server.send_message(message)
