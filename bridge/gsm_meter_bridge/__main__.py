"""The program `gsm-meter-bridge`, also by `python -m gsm_meter_bridge`."""

import signal


def main() -> None:
    """Run the command that the arguments name; Ctrl-C ends it without a word while its parts are loaded."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    if on_interrupt is signal.default_int_handler:  # else somebody wants it left alone, like nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gsm_meter_bridge.cli import app  # that takes seconds on a small machine

    signal.signal(signal.SIGINT, on_interrupt)
    app()


if __name__ == "__main__":
    main()
