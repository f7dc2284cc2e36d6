"""Which access password each module has, where it is no longer the configured one.

A changed password is kept here as long as the configuration names the one it replaced; whoever writes the new
one, or any other, into the configuration, has the last word.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from dataclasses import replace

from sqlalchemy import delete, select

from gsm_meter_bridge.family import Module
from gsm_meter_bridge.jobs.database import Transaction, upsert
from gsm_meter_bridge.jobs.schema import passwords
from gsm_meter_bridge.vocabulary import Secret


class Passwords:
    """Keeps the passwords in `modules`, which all parts of the bridge look into, as the modules have them."""

    def __init__(self, modules: MutableMapping[str, Module]) -> None:
        self._modules = modules
        self._configured = {name: module.access.password for name, module in modules.items()}

    def changed(self) -> tuple[str, ...]:
        """Return the modules whose password is not the configured one."""
        return tuple(n for n, m in self._modules.items() if m.access.password != self._configured[n])

    async def load(self, tx: Transaction) -> None:
        """Take up the passwords that were changed, and forget those of modules configured anew."""
        for row in (await tx.execute(select(passwords))).mappings().all():
            configured = self._configured.get(row["module"])
            if configured is not None and row["replaces"] == _digest(configured):
                self._use(row["module"], Secret(row["password"]))
            elif configured is not None:
                await self._forget(tx, row["module"])

    async def keep(self, tx: Transaction, module: str, password: Secret) -> None:
        """Use from now on the password that `module` has just proved to have."""
        configured = self._configured[module]
        if password == configured:
            await self._forget(tx, module)
        else:
            row = {"replaces": _digest(configured), "password": password.reveal()}
            await upsert(tx, passwords, {"module": module}, row)
        self._use(module, password)

    async def _forget(self, tx: Transaction, module: str) -> None:
        await tx.execute(delete(passwords).where(passwords.c.module == module))

    def _use(self, name: str, password: Secret) -> None:
        module = self._modules[name]
        self._modules[name] = replace(module, access=replace(module.access, password=password))


def _digest(password: Secret) -> str:
    return hashlib.sha256(password.reveal().encode()).hexdigest()
