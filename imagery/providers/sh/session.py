"""The token of an account: asked for, shared by all threads, replaced in time."""

import re
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from pydantic_core import from_json
from sentinelhub.config import SHConfig
from sentinelhub.download.session import SentinelHubSession

from imagery.providers.sh.exchange import Bounds, Exchange, SpentTokenError, StoppedError
from imagery.remote.retry import RefusedError, RetryableError
from imagery.remote.secrets import Secret

MAX_TOKEN_BYTES = 65_536
FRESH = 0.9
"""A token is replaced after this part of its life."""

_HEADERS = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


class Session(SentinelHubSession):
    """A token shared by all threads.

    The client's own session hands the secret to requests-oauthlib, which writes it into its debug log; it also asks
    without a timeout and judges age by the wall clock. Here neither the configuration nor the session holds a secret.
    """

    def __init__(self, config: SHConfig, exchange: Exchange, secrets: Mapping[str, Secret]) -> None:
        """Asks for nothing yet.

        Args:
            config: of the client.
            exchange: to ask with.
            secrets: ``client_id`` and ``client_secret``.
        """
        super().__init__(config, refresh_before_expiry=None, _token={"access_token": "", "expires_at": 0.0})
        self._exchange = exchange
        self._secrets = secrets
        self._lock = threading.Lock()
        self._good_until = float("-inf")

    @property
    def token(self) -> dict[str, Any]:
        """A token that is good by our own clock, which need not agree with the server's."""
        with self._lock:
            if time.monotonic() >= self._good_until:
                value, seconds = self._new()
                self._token = {"access_token": value, "expires_at": time.time() + seconds}
                self._good_until = time.monotonic() + FRESH * seconds
            return self._token

    def spend(self, value: str) -> None:
        """Forget a token that was refused; not the one that another thread has asked for meanwhile."""
        with self._lock:
            if self._token["access_token"] == value:
                self._good_until = float("-inf")

    def _bounds(self) -> Bounds:
        return self._exchange.bounds(MAX_TOKEN_BYTES)

    def _new(self) -> tuple[str, float]:
        said = {name: self._secrets[name].reveal() for name in ("client_id", "client_secret")}
        fault = ""
        try:
            form = urlencode({"grant_type": "client_credentials", **said}).encode()
            answer = self._exchange.ask("POST", self.config.sh_token_url, _HEADERS, form, self._bounds())
            return _token(answer.content)
        except RefusedError as error:
            fault = f"it {error.reason.partition(':')[0]}"  # what else it says may quote what it was sent
        except SpentTokenError:
            fault = "it answered with status 401"
        raise StoppedError(
            f"The service does not accept the client id and secret ({fault}); check them where they are kept."
        )


def _token(content: bytes) -> tuple[str, float]:
    """The token of an answer, and the seconds it is good for."""
    try:
        said = from_json(content)
        value, seconds = said["access_token"], float(said.get("expires_in", 60))
        if re.fullmatch(r"[\x21-\x7e]{1,16384}", value) and 0 < seconds < 10**9:
            return value, seconds
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise RetryableError("answered without a token")
