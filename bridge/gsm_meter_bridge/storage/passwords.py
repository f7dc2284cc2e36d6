"""The access passwords of modules that differ from the configured ones.

A changed password is stored here, sealed, as long as the configuration has the one that it replaced. Once
another one, new or not, is written into the configuration, that one counts.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from dataclasses import replace

from sqlalchemy import delete, select

from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.storage.database import Transaction, upsert
from gsm_meter_bridge.storage.registry import served_by
from gsm_meter_bridge.storage.schema import passwords
from gsm_meter_bridge.vocabulary import Secret

_LOGGER = logging.getLogger(__name__)
_PURPOSE = "access password"
_LOST = (
    "%s: its access password was changed through this bridge, and the installation key that could tell it "
    "is lost; if the configuration does not have it, write it there"
)


class Passwords:
    """Keeps the passwords in the shared mapping `modules` equal to those that the modules have."""

    def __init__(self, modules: MutableMapping[str, Module], key: InstallationKey) -> None:
        self._modules, self._key = modules, key
        self._configured = {name: module.access.password for name, module in modules.items()}

    def changed(self) -> tuple[str, ...]:
        """Return the ids of the modules whose password is not the configured one."""
        return tuple(n for n, m in self._modules.items() if m.access.password != self._configured[n])

    async def load(self, tx: Transaction, bridge: str) -> None:
        """Load the changed passwords, and delete those of modules whose configured password has changed."""
        ours = passwords.c.module.in_(served_by(bridge))
        for row in (await tx.execute(select(passwords).where(ours))).mappings().all():
            module, sealed = row["module"], row["password"]
            if module not in self._configured:
                continue
            password = self._key.unseal(_PURPOSE, sealed) if row["replaces"] else sealed
            if password is None:
                _LOGGER.warning(_LOST, module)
            elif row["replaces"] in ("", self._digest(module)):
                await self.keep(tx, module, Secret(password))
            else:
                await self._forget(tx, module)

    async def keep(self, tx: Transaction, module: str, password: Secret) -> None:
        """Use and store the password that `module` has just proved to have."""
        if password == self._configured[module]:
            await self._forget(tx, module)
        else:
            sealed = self._key.seal(_PURPOSE, password.reveal())
            row = {"replaces": self._digest(module), "password": sealed}
            await upsert(tx, passwords, {"module": module}, row)
        self._use(module, password)

    async def _forget(self, tx: Transaction, module: str) -> None:
        await tx.execute(delete(passwords).where(passwords.c.module == module))

    def _use(self, name: str, password: Secret) -> None:
        module = self._modules[name]
        self._modules[name] = replace(module, access=replace(module.access, password=password))

    def _digest(self, module: str) -> str:
        """Return the keyed digest of the configured password of `module`."""
        return self._key.digest(_PURPOSE, module, self._configured[module].reveal())
