"""How scripts/setup installs Debian's packages, with an apt-get that only tells what it was asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "scripts" / "lib.sh"
APT_GET = '#!/bin/sh\necho "$*: $(cat "$POLICY_RC_D")" >>"$ASKED"\nexit $STATUS\n'


def _install(folder: Path, status: int) -> list[str]:
    stub = folder / "bin" / "apt-get"
    stub.parent.mkdir()
    stub.write_text(APT_GET)
    stub.chmod(0o755)
    asked = folder / "asked"
    environment = {
        "PATH": f"{stub.parent}:/usr/bin:/bin",
        "POLICY_RC_D": str(folder / "policy-rc.d"),
        "ASKED": str(asked),
        "STATUS": str(status),
    }
    done = subprocess.run(["bash", "-euc", f". {LIB}; debian_install gammu smstools"], env=environment)
    assert done.returncode == status
    return asked.read_text().splitlines()


@pytest.mark.parametrize("status", [0, 100])
def test_setup_script_starts_no_service_while_installing(tmp_path: Path, status: int) -> None:
    asked = _install(tmp_path, status)
    assert asked[:2] == ["-qq update: #!/bin/sh", "exit 101"]
    assert ("-qq install -y --no-install-recommends gammu smstools: #!/bin/sh" in asked) is (status == 0)
    assert not (tmp_path / "policy-rc.d").exists()


def test_setup_script_keeps_existing_policy(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("mine")
    assert _install(tmp_path, 0)[0] == "-qq update: mine"
    assert policy.read_text() == "mine"
