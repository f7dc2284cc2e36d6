"""Ad hoc modules, which are not configured: each job brings the module's family and access password along.

The id of such a module is its number in E.164; no configured id begins with `+`. While it has a job that is
not over or not announced, its row in `modules` names the bridge that serves it; after that, all that it
reported is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update

from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import Access, Family, Module
from gsm_meter_bridge.model.job import TRANSITIONS, Event, Job, Move, State
from gsm_meter_bridge.storage import leases, store
from gsm_meter_bridge.storage.database import Transaction, insert_new
from gsm_meter_bridge.storage.registry import ANY
from gsm_meter_bridge.storage.rows import to_job
from gsm_meter_bridge.storage.schema import (
    IS_AD_HOC,
    IS_UNANNOUNCED,
    contacts,
    desired_settings,
    jobs,
    lookalikes,
    messages,
    modules,
    readings,
)
from gsm_meter_bridge.vocabulary import Secret

NUMBER_IN_USE = "number_in_use"
_SUPERSEDED = "its number is asked with another password, or as another family"
_UNFINISHED = (
    select(jobs).where(IS_AD_HOC, jobs.c.bridge == bindparam("bridge_id")).order_by(jobs.c.created_at)
)
"""The password is deleted when the job ends."""
_CONFIGURED = "its number is that of a configured module by now"


def with_number(number: str, family: Family, password: Secret) -> Module:
    """Return an ad hoc module with a number in E.164; its name is that of its family."""
    return Module(number, family.title, family, number, Access(password))


def of(job: Job, module: Module, key: InstallationKey) -> Job:
    """Return `job` with the family and the sealed password of the ad hoc `module`."""
    sealed = key.seal(store.AD_HOC, module.access.password.reveal())
    return replace(job, ad_hoc_family=module.family.id, ad_hoc_password=sealed)


def module_of(job: Job, key: InstallationKey) -> Module | None:
    """Return the ad hoc module of `job`; None if the job is of a configured module.

    Its password is empty if the job is over, or if the key that sealed it is lost.
    """
    if job.ad_hoc_family is None:
        return None
    password = key.unseal(store.AD_HOC, job.ad_hoc_password) if job.ad_hoc_password else None
    return with_number(job.module, family_of(job.ad_hoc_family), Secret(password or ""))


async def admit(tx: Transaction, job: Job, bridge: str, key: InstallationKey) -> None:
    """Have `bridge` serve the ad hoc module of `job`.

    Raises GuardError if its number belongs to another module in this database, or has an unfinished job with
    another family or password. An uncertain one past its deadline is cancelled instead: its module may have
    either password.
    """
    ours = {"id": job.module, "bridge": bridge, "msisdn": job.module, "route": ANY}
    await insert_new(tx, modules, ours)
    taken = (await tx.execute(select(modules).where(modules.c.msisdn == job.module))).one()
    if taken.bridge != bridge or taken.id != job.module:
        what = "is asked by" if taken.id == job.module else f"is that of {taken.id}, a module of"
        raise GuardError(NUMBER_IN_USE, (f"the number {what} the bridge {taken.bridge}",))
    for other in (await unfinished(tx, bridge)).get(job.module, ()):
        if module_of(other, key) == module_of(job, key):
            continue
        if other.state is not State.UNCERTAIN or other.deadline_at > job.created_at:
            message = "the number is being asked as another family, or with another password"
            raise GuardError(NUMBER_IN_USE, (f"{message} (job {other.id})",))
        await store.apply(tx, other, job.created_at, Move(Event.CANCEL, {}, _SUPERSEDED))


async def unfinished(tx: Transaction, bridge: str) -> dict[str, tuple[Job, ...]]:
    """Return the unfinished jobs of ad hoc modules that `bridge` serves, by number."""
    found: dict[str, tuple[Job, ...]] = {}
    for row in (await tx.execute(_UNFINISHED, {"bridge_id": bridge})).mappings():
        found[row["module"]] = (*found.get(row["module"], ()), to_job(row))
    return found


async def keep_password(tx: Transaction, number: str, password: Secret, key: InstallationKey) -> None:
    """Store the password that an ad hoc module has just proved to have in its unfinished jobs."""
    sealed = key.seal(store.AD_HOC, password.reveal())
    waiting = jobs.c.module == number, jobs.c.ad_hoc_password.is_not(None)
    await tx.execute(update(jobs).where(*waiting).values(ad_hoc_password=sealed))


async def forget(tx: Transaction, number: str) -> None:
    """Delete what a module reported if all its jobs are over and announced; its SMS count is kept."""
    left = jobs.c.module == number, or_(jobs.c.ended_at.is_(None), IS_UNANNOUNCED)
    if (await tx.execute(select(jobs.c.id).where(*left).limit(1))).first() is not None:
        return
    await tx.execute(delete(modules).where(modules.c.id == number))
    for table in (readings, desired_settings, contacts, lookalikes):
        await tx.execute(delete(table).where(table.c.module == number))
    await tx.execute(update(messages).where(messages.c.module == number).values(text=None))


async def keep_rows(
    tx: Transaction, bridge: str, configured: Mapping[str, str], now: float, lease_now: float | None = None
) -> None:
    """End the ad hoc jobs of modules that are configured by now: `configured` has their ids by number.

    The password in the configuration counts from now on. The ended jobs become jobs of the configured module,
    so that their callers get a response. Jobs of a bridge that is gone are ended too. `lease_now` replaces
    the database's time.
    """
    rows = await tx.execute(select(modules).where(is_ad_hoc(), modules.c.id.in_(configured)))
    for row in rows.all():
        if row.bridge != bridge and await leases.is_held(tx, leases.of_bridge(row.bridge), lease_now):
            continue  # `registry.register` refuses the configuration
        number = row.id
        for job in await store.waiting(tx, number):
            events = (Event.CANCEL, Event.GAVE_UP, Event.TIMED_OUT)
            event = next(e for e in events if (job.state, e) in TRANSITIONS)
            failure = {"error_code": NUMBER_IN_USE, "error_message": _CONFIGURED}
            await store.apply(tx, job, now, Move(event, failure, _CONFIGURED))
        becomes = {"module": configured[number], "bridge": bridge, "ad_hoc_family": None}
        await tx.execute(update(jobs).where(jobs.c.module == number, IS_UNANNOUNCED).values(becomes))
        await forget(tx, number)


def is_ad_hoc() -> ColumnElement[bool]:
    """Return the condition for rows of ad hoc modules."""
    return modules.c.id.startswith("+", autoescape=True)
