"""The entry of ``tagalong``: finds the command, imports only what it needs, and turns errors into messages.

Exit status: 0 done; 2 the call or its input is wrong; 1 anything else.
"""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from commands.console import complain
from recommender.errors import TagalongError, Unavailable

COMMANDS = {
    "import": ("commands.importing", "Bring interactions, items and users into the data folder."),
    "train": ("commands.train", "Fit a bundle, measure it, and publish it if it is good enough."),
    "serve": ("commands.serve", "Start the service and all that it needs on this machine."),
    "recommend": ("commands.recommend", "Write lists for many customers to a file."),
    "customers": ("commands.customers", "Write stage, tier, tags and declarations of customers to a file."),
    "evaluate": ("commands.evaluate", "Measure the ranking on held-out choices, next to simple baselines."),
    "models": ("commands.models", "List, show, compare, publish and roll back bundles."),
    "tune": ("commands.tune", "Search for better settings and write them as a configuration file."),
    "archive": (
        "commands.archive",
        "Move the log to Parquet without a service: serve does it by itself.",
    ),
    "events": ("commands.events", "Put events back that could not be read."),
}
"""Where each command is, and its line in the help."""

EXTRAS = {"implicit": "training", "joblib": "training", "optuna": "tune"}
"""Which extra brings a library that is not installed everywhere."""


SEVERAL = ("--interactions", "--items", "--users", "--history", "-k")
"""Options that take every value up to the next option, as a shell's patterns give them."""


class Commands(TyperGroup):
    """Imports a command's module when it is called, so that ``serve`` never loads what only training needs."""

    listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command, or for the help just its line."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if self.listing:
            return TyperCommand(cmd_name, help=line)
        return typer.main.get_command(import_module(module).app)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without importing any command."""
        self.listing = True
        super().format_help(ctx, formatter)


app = typer.Typer(cls=Commands, pretty_exceptions_enable=False, no_args_is_help=True, add_completion=False)


@app.callback()
def tagalong() -> None:
    """Recommendations for shops: import, train, serve.

    Start with "tagalong import --interactions orders.csv --items products.csv", then "tagalong train" and
    "tagalong serve". Every command explains itself with --help.
    """


def spread(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the name of an option before each of its values: ``-k 5 10`` is ``-k 5 -k 10``."""
    found: list[str] = []
    option = ""
    for argument in arguments:
        if option and not argument.startswith("-") and found[-1] != option:
            found.append(option)
        elif argument.startswith("-"):
            option = argument if argument in SEVERAL else ""
        found.append(argument)
    return found


WRONG_PATH = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What the caller named is not there, or is something else."""


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        app(spread(sys.argv[1:]), prog_name="tagalong")
    except Unavailable as error:
        complain(str(error), status=1)
    except TagalongError as error:
        complain(str(error), status=2)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        complain(f"this needs {error.name}; in Tagalong's folder: pip install -e '.[{EXTRAS[error.name]}]'", status=2)
    except OSError as error:
        said = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        complain(said, status=2 if isinstance(error, WRONG_PATH) else 1)
    except MemoryError:
        complain("there is not enough memory", status=1)


def _leave(number: int, _: object) -> NoReturn:
    """End as on Ctrl-C, so that nothing is left half-written, with the status of a process that was told to."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
