"""Each row of Table 4.1 has a dialogue."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families.lers_gsm_mini import FAMILY
from gsm_meter_bridge.families.lers_gsm_mini.commands import TABLE, Command
from gsm_meter_bridge.model import RequestKind
from tests.support.dialogues import dialogues_of, requests_of

_DIGITS = str.maketrans("0123456789", "#" * 10)


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_command_has_a_dialogue(command: Command) -> None:
    shown = {(r.kind, r.name.translate(_DIGITS)) for r in requests_of(FAMILY.id)}
    name = command.name.replace("<n>", "#").replace("<x>", "#")
    for does, kind in (("A", RequestKind.ACTION), ("R", RequestKind.READ)):
        assert does not in command.does or (kind, name) in shown
    assert command.clause in {str(one["clause"]) for one in dialogues_of(FAMILY.id)}
