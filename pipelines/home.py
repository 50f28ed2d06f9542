"""Where state lives."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """``WEIXUN_HOME``, or the platform's folder for user data. It need not exist."""
    named = os.environ.get("WEIXUN_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("weixun", appauthor=False))
