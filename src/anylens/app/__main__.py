"""The program `anylens`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on sys.argv and give its exit code: 0 all good, 1 some failed, 2 bad usage."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from anylens import __version__

        print(f"anylens {__version__}")
        return 0
    from anylens.app.command_line import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
