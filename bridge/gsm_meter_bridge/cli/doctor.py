"""`doctor`: checks what the bridge needs, and describes the problems."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import echo_json, echo_line, reported
from gsm_meter_bridge.doctor import Finding, count, examine_file, summary


def doctor(
    config: ConfigOption,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Look at all that the bridge needs and say what is wrong; sends no SMS and changes nothing."""
    # warnings logged during the checks are suppressed: they are findings anyway
    logging.getLogger("gsm_meter_bridge").addHandler(logging.NullHandler())
    with reported():
        findings = asyncio.run(_examine(config, show=not as_json))
    problems, warnings = count(findings)
    if as_json:
        counts = {"healthy": not problems, "problems": problems, "warnings": warnings}
        echo_json({**counts, "findings": [finding.to_dict() for finding in findings]})
    else:
        echo_line(summary(problems, warnings))
    if problems:
        raise typer.Exit(1)


async def _examine(config: Path, *, show: bool) -> list[Finding]:
    """Return all findings; if `show`, print each as soon as it is known, since some checks are slow."""
    findings = []
    async for finding in examine_file(config):
        findings.append(finding)
        if show:
            echo_line(finding.line(), indent=9)
    return findings
