"""`doctor`: what is wrong, in words."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import reported, say, say_json
from gsm_meter_bridge.doctor import Finding, Mark, examine_file


def doctor(
    config: ConfigOption,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of words.")] = False,
) -> None:
    """Look at all that the bridge needs and say what is wrong; sends no SMS and changes nothing."""
    with reported():
        findings = asyncio.run(_examine(config, show=not as_json))
    healthy = all(finding.mark is not Mark.PROBLEM for finding in findings)
    if as_json:
        say_json({"healthy": healthy, "findings": [finding.to_dict() for finding in findings]})
    if not healthy:
        raise typer.Exit(1)


async def _examine(config: Path, *, show: bool) -> list[Finding]:
    """Return all findings; a line is printed as soon as it is known, for some take their time."""
    findings = []
    async for finding in examine_file(config):
        findings.append(finding)
        if show:
            say(finding.line())
    return findings
