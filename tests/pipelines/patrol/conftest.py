"""Makes `worlds` and `serving` importable as ``patrol_worlds`` and ``patrol_serving``: tests are no package."""

import importlib.util
import sys
from pathlib import Path

for _name in ("worlds", "serving"):
    _full = f"patrol_{_name}"
    if _full not in sys.modules:
        _spec = importlib.util.spec_from_file_location(_full, Path(__file__).with_name(f"{_name}.py"))
        assert _spec is not None
        assert _spec.loader is not None
        sys.modules[_full] = importlib.util.module_from_spec(_spec)  # dataclasses look their module up
        _spec.loader.exec_module(sys.modules[_full])
