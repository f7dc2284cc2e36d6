"""Tables as they were before a revision: what each one added is taken away again."""

from __future__ import annotations

from sqlalchemy import text

from gsm_meter_bridge.storage.database import Transaction

_UNDONE = {
    "0005": (
        "drop index messages_by_modem",
        "drop table lookalikes",
        "alter table messages drop column scts",
        "alter table jobs drop column scts_from",
        "alter table jobs drop column scts_until",
    ),
    "0004": ("drop table pin_tries",),
    "0006": ("drop table refused_passwords",),
    "0007": ("drop table meters",),
    "0008": ("alter table jobs drop column unreadable",),
    "0009": ("alter table messages drop column gone",),
    "0010": ("drop index messages_by_module", "alter table jobs drop column asked_at"),
    "0011": (
        "alter table jobs drop column ad_hoc_family",
        "alter table jobs drop column ad_hoc_password",
    ),
    "0003": ("drop index jobs_to_announce",),
    "0002": (
        *(f"drop table {table}" for table in ("modules", "leases", "passwords")),
        *(f"drop index {index}" for index in ("jobs_by_module", "sent_to_module")),
        "alter table jobs drop column route",
        "alter table messages drop column bridge",
        "alter table contacts drop column restarts",
    ),
}


async def go_back_to(tx: Transaction, revision: str) -> None:
    """Take away what came after `revision`; the first one has no word of revisions."""
    for newer in sorted((r for r in _UNDONE if r > revision), reverse=True):
        for statement in _UNDONE[newer]:
            await tx.execute(text(statement))
    if revision == "0001":
        await tx.execute(text("drop table alembic_version"))
    else:
        await tx.execute(text("update alembic_version set version_num = :now"), {"now": revision})
