"""Steps of set-up: what is done, what is lacking, what is tried again and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.errors import CommandTimeoutError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.memories import Chosen, forms_to_read, forms_to_use, forms_to_write
from gsm_meter_bridge.modem.questions import CommandOutcome, Questions
from gsm_meter_bridge.modem.status import StepState
from gsm_meter_bridge.modem.steps import SetUp, SetupStep, leave_the_rest

LOOK_S = 0.05


class Answers:
    """What a modem answers to a step, one time after the other; the last stays."""

    def __init__(self, *outcomes: CommandOutcome) -> None:
        self.outcomes, self.asked = list(outcomes), 0

    async def __call__(self, questions: Questions) -> bool | None:
        self.asked += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome is not CommandOutcome.ANSWERED:
            questions._note(outcome, outcome.name.lower())
        return True if outcome in (CommandOutcome.ANSWERED, CommandOutcome.UNFINISHED) else None


@pytest.fixture
async def questions(fake, port, timeouts):
    async with AtEngine(await open_link(fake.plug_in(port)), timeouts=timeouts) as engine:
        yield Questions(engine)


def step(do: Answers, **more) -> SetupStep:
    return SetupStep("it", "+IT", "it is done", do, **more)


@pytest.mark.parametrize(
    ("outcome", "needed", "state", "is_put_off"),
    [
        (CommandOutcome.ANSWERED, False, StepState.DONE, False),
        (CommandOutcome.UNFINISHED, False, StepState.DONE, False),
        (CommandOutcome.REFUSED, False, StepState.LACKING, False),  # the next look tries again
        (CommandOutcome.NOT_YET, False, StepState.RETRY, False),
        (CommandOutcome.SILENT, False, StepState.LACKING, True),
        (CommandOutcome.REFUSED, True, StepState.RETRY, False),
        (CommandOutcome.SILENT, True, StepState.RETRY, False),
    ],
)
async def test_step_state_depends_on_outcome_and_need(questions, outcome, needed, state, is_put_off):
    steps, it = SetUp(questions, LOOK_S), step(Answers(outcome), needed=needed)
    await steps.run([it])
    (status,) = steps.status
    assert (status.name, status.state) == ("it", state)
    assert (status.retry_at is not None) == is_put_off
    assert (status.problem is None) == (state is StepState.DONE)
    assert steps.lacking == (("+IT",) if state is StepState.LACKING else ())
    assert (steps.missing() is not None) == (needed and state is not StepState.DONE)
    assert steps.hurried == (state is StepState.RETRY)
    retry_at = status.to_dict()["retry_at"]
    assert retry_at is None or retry_at.endswith("Z")


async def test_done_step_is_repeated_only_if_volatile_or_forgotten(questions):
    once, each = Answers(CommandOutcome.ANSWERED), Answers(CommandOutcome.ANSWERED)
    steps = SetUp(questions, LOOK_S)
    all_steps = [step(once), replace(step(each, volatile=True), name="each")]
    for _ in range(3):
        await steps.run(all_steps)
    assert (once.asked, each.asked) == (1, 3)
    steps.forget()
    await steps.run(all_steps)
    assert once.asked == 2


async def test_refused_step_is_tried_less_and_less_often(questions):
    do = Answers(CommandOutcome.REFUSED)
    steps = SetUp(questions, 3600.0)
    for _ in range(9):
        await steps.run([step(do)])
    assert do.asked == 2  # at the next look, and then not before two more


async def test_busy_step_is_retried_for_ten_runs_and_then_counts_as_lacking(questions):
    do = Answers(CommandOutcome.NOT_YET)
    steps = SetUp(questions, 3600.0)
    for _ in range(10):
        await steps.run([step(do)])
        assert steps.status[0].state is StepState.RETRY
    await steps.run([step(do)])
    assert (steps.status[0].state, do.asked) == (StepState.LACKING, 12)  # the first look asks twice


async def test_volatile_step_without_ok_keeps_value_and_is_asked_rarely(questions):
    do = Answers(CommandOutcome.UNFINISHED)
    steps = SetUp(questions, LOOK_S)
    for _ in range(5):
        assert await steps.run([step(do, volatile=True)]) == {"it": True}
    assert do.asked == 1


async def test_later_steps_wait_after_silent_step_unless_callback_continues(questions):
    second = Answers(CommandOutcome.ANSWERED)
    steps = SetUp(questions, LOOK_S)
    both = [step(Answers(CommandOutcome.SILENT)), replace(step(second), name="second")]
    assert await steps.run(both, leave_the_rest) == {"it": None, "second": None}
    assert await steps.run(both, leave_the_rest) == {"it": None, "second": True}
    received: list[int] = []

    async def on_silence() -> bool:
        received.append(1)
        return True

    steps.forget()
    await steps.run(both, on_silence)
    assert (received, second.asked) == ([1], 2)


async def test_forgotten_step_alone_is_run_again(questions):
    first, second = Answers(CommandOutcome.ANSWERED), Answers(CommandOutcome.ANSWERED)
    steps = SetUp(questions, LOOK_S)
    both = [step(first), replace(step(second), name="second")]
    await steps.run(both)
    steps.forget([both[0]])
    await steps.run(both)
    assert (first.asked, second.asked) == (2, 1)


async def test_questions_skip_command_that_was_not_answered(fake, port, timeouts):
    fake.script["AT+CCID"] = [None]
    timeouts = replace(timeouts, command_s=0.05)
    async with AtEngine(await open_link(fake.plug_in(port)), timeouts=timeouts) as engine:
        several = [("AT+CCID", lambda lines: tuple(lines)), ("AT+CSQ", lambda lines: tuple(lines))]
        questions = Questions(engine)
        assert await questions.first(several) is None
        assert questions.worst is CommandOutcome.SILENT
        assert await questions.first(several) == ("+CSQ: 17,0",)
    assert fake.received.count("AT+CCID") == 1


async def test_questions_raise_timeout_if_modem_answers_nothing(fake, port, timeouts):
    async with AtEngine(await open_link(fake.plug_in(port)), timeouts=timeouts) as engine:
        await engine.command("AT")
        fake.silent = True
        engine.timeouts = replace(timeouts, command_s=0.05, resync_s=0.02, resync_tries=2)
        with pytest.raises(CommandTimeoutError, match="does not answer AT"):
            await Questions(engine).set("AT+CREG=1")


@pytest.mark.parametrize(
    ("current", "forms"),
    [
        (("SM", "SM", "SM"), ['"ME"', '"ME","SM"', '"ME","SM","SM"']),
        (("SM", "ME", "MT"), ['"ME"', '"ME","ME"', '"ME","ME","MT"']),
        (("SM", "SM"), ['"ME"', '"ME","SM"']),
        (("SM",), ['"ME"']),
    ],
)
def test_forms_to_read_begin_with_one_memory(current, forms):
    assert list(forms_to_read("ME", current)) == forms


@pytest.mark.parametrize(
    ("current", "forms"),
    [
        (("SM", "SM", "SM"), ['"ME","ME","ME"', '"ME","ME"', '"ME"']),
        (("SM", "SM"), ['"ME","ME"', '"ME"']),
        ((), ['"ME","ME","ME"', '"ME","ME"', '"ME"']),
    ],
)
def test_forms_to_use_begin_with_most_memories(current, forms):
    assert list(forms_to_use("ME", current)) == forms
    assert list(forms_to_write("ME", ("SM", "SM", "MT"))) == ['"ME","ME"', '"ME","ME","MT"']


@pytest.mark.parametrize(
    ("chosen", "swept", "falls_short"),
    [
        (Chosen(("SM", "SM", "SM")), ("SM",), False),
        (Chosen(("ME", "ME", "SM")), ("SM",), False),
        (Chosen(("ME", "ME", "SM"), "ME"), ("SM", "ME"), True),
        (Chosen(("ME", "ME", "ME"), "ME"), ("ME",), False),
        (Chosen(("SM", "SM", "SM"), "XX"), ("SM",), True),
    ],
)
def test_chosen_memories_name_what_to_sweep_and_what_is_not_reached(chosen, swept, falls_short):
    assert chosen.to_sweep == swept
    assert (chosen.not_reached is not None) == falls_short
