"""How long work shows itself: a bar on a terminal, plain lines in a log, nothing where JSON is wanted."""

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """Says that one more unit of the stage is done."""

    def __call__(self) -> None:
        """One more is done."""
        ...


class Progress(Protocol):
    """A reporter of stages."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Step]:
        """Open a stage of `total` units; the value steps it, from any thread."""
        ...


class Silent:
    """Says nothing."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Step]:
        """A stage that nobody sees."""
        yield lambda: None


class Lines:
    """One line at the start of a stage and at every tenth of it, on standard error."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Step]:
        """A stage that writes ``name 30 % (3/10)``."""
        lock, done = threading.Lock(), 0

        def step() -> None:
            nonlocal done
            with lock:
                done += 1
                if total >= 10 and done * 10 // total > (done - 1) * 10 // total:
                    print(f"{name} {done * 100 // total} % ({done}/{total})", file=sys.stderr, flush=True)

        print(f"{name} ({total})", file=sys.stderr, flush=True)
        yield step


class Bars:
    """A bar per stage on a terminal."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Step]:
        """A stage with a bar, a count and the time left."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        clocks = (TimeElapsedColumn(), TimeRemainingColumn())
        with RichProgress(*columns, *clocks, console=Console(stderr=True)) as bars:
            task = bars.add_task(name, total=total)
            yield lambda: bars.advance(task)


def reporter(quiet: bool = False) -> Progress:
    """Bars on a terminal, lines elsewhere, silence when asked."""
    if quiet:
        return Silent()
    return Bars() if sys.stderr.isatty() else Lines()
