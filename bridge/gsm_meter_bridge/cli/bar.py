"""The progress bar that a terminal shows during requests to modules; other outputs have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress import Progress as RichProgress
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from gsm_meter_bridge.cli.output import errors
from gsm_meter_bridge.cli.progress import Progress


class _Text(ProgressColumn):
    """A column whose text is computed whenever the bar is drawn."""

    def __init__(self, text: Callable[[], str]) -> None:
        super().__init__(Column(no_wrap=True, overflow="crop"))
        self._text = text

    def render(self, _task: Task) -> Text:
        """Return the current text."""
        return Text(self._text())


@contextmanager
def bar(progress: Progress, console: Console = errors) -> Iterator[None]:
    """Show `progress` as a bar below the lines that are printed meanwhile; remove it at the end."""
    if not console.is_terminal:
        yield
        return
    columns = (
        _Text(lambda: f"{progress.ended_count}/{progress.total}"),
        _Bar(progress),
        _Text(lambda: ", ".join(f"{name} {n}" for name, n in _shown(progress).items())),
        _Text(lambda: progress.left().replace("at most", "left") if progress.under_way else ""),
    )
    with RichProgress(
        *columns,
        console=console,
        expand=True,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as shown:
        shown.add_task("", total=progress.total)
        yield


class _Bar(BarColumn):
    """A bar that takes the width that the other columns leave."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(bar_width=None, table_column=Column(ratio=1))
        self._progress = progress

    def render(self, task: Task) -> ProgressBar:
        """Return the bar in its current state."""
        task.completed = self._progress.completed
        return super().render(task)


def _shown(progress: Progress) -> dict[str, int]:
    """Return the counts to show: failures only if there are any."""
    return {name: n for name, n in progress.counts.items() if n or name != "failed"}
