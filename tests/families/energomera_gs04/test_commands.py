"""Each command of clause 9 has a dialogue."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families.energomera_gs04 import FAMILY
from gsm_meter_bridge.families.energomera_gs04.commands import COMMANDS
from gsm_meter_bridge.model import RequestKind
from tests.support.dialogues import dialogues_of, requests_of


@pytest.mark.parametrize("setting", COMMANDS)
def test_command_has_a_dialogue(setting: str) -> None:
    assert (RequestKind.WRITE, setting) in {(r.kind, r.name) for r in requests_of(FAMILY.id)}
    assert COMMANDS[setting].clause in {str(one["clause"]) for one in dialogues_of(FAMILY.id)}
