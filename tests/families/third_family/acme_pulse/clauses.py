"""Each clause of the made-up manual."""

from __future__ import annotations

from gsm_meter_bridge.model.clause import Clause

CLAUSES = (
    Clause("1", "the battery"),
    Clause("2.1", "how it does", (".tables.LOW_MV",)),
    Clause("2.2", "its settings"),
    Clause("2.3", "its owners"),
    *(Clause(f"2.{n}", "a setting", (".commands.encode",)) for n in range(4, 9)),
    Clause("3.1", "its LED"),
    Clause("4", "errors", (".commands.decode",)),
    Clause("5", "dimensions", why_not="nothing to do"),
)
