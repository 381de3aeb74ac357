"""`homerule`, which is `python -m edge`: stopped while it still loads, it ends without a traceback too."""

import sys


def main() -> None:
    """Runs one command, see `edge.cli.main`. Whatever takes time to load is loaded in here."""
    try:
        from edge.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("homerule: stopped\n")
        sys.exit(130)
    finally:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # while Python itself ends, nothing else goes without a trace


if __name__ == "__main__":
    main()
