"""`gas`: data on stdout, progress on stderr, a sentence where something is refused.

Commands are imported when they are called, so that `gas --help` is there at once.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from entrypoints.startup import loading

REFUSED, INTERRUPTED = 1, 130

# command -> (module under entrypoints.commands, attribute, what it does)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "annotate": ("annotate", "annotate", "Annotate a file here, without any service."),
    "submit": ("jobs", "submit", "Submit a file; with --wait until it is annotated."),
    "jobs": ("jobs", "jobs", "List your jobs."),
    "show": ("jobs", "show", "Show one job."),
    "variants": ("variants", "variants", "Browse a job's variants and what they do."),
    "log": ("files", "log", "Print a job's log."),
    "download": ("files", "download", "Download a job's result."),
    "cancel": ("jobs", "cancel", "Stop a job that is not finished."),
    "delete": ("jobs", "delete", "Remove a job's files and names."),
    "reproduce": ("reproduce", "reproduce", "Run a job again here and compare digests."),
    "history": ("events", "history", "What happened to a job."),
    "events": ("events", "events", "What happened, in order; with --follow as it happens."),
    "reference": ("reference", "reference", "The installed references."),
    "token": ("token", "token", "Create, list and revoke tokens."),
    "backup": ("backup", "backup", "Write log, records and files to one file."),
    "restore": ("backup", "restore", "Read them back into an empty store."),
    "check": ("check", "check", "Prove the service's promises from log, records and files."),
    "doctor": ("doctor", "doctor", "Say what holds on this machine and what does not."),
    "settings": ("settings", "settings", "Print every setting and where it comes from."),
    "up": ("processes", "up", "Start the whole service on this machine."),
    "web": ("processes", "web", "Run the web process."),
    "work": ("processes", "work", "Run the work process: all that is not web."),
    "worker": ("processes", "worker", "Serve one work queue."),
    "relay": ("processes", "relay", "Publish events to the work queues."),
    "views": ("processes", "views", "Keep the views."),
    "sweeper": ("processes", "sweeper", "Find work whose message was lost."),
    "queues": ("queues", "queues", "Show how many messages lie in each queue."),
    "redrive": ("queues", "redrive", "Move a queue's dead letters back to work."),
    "rebuild": ("rebuild", "rebuild", "Rebuild the views from the log, or check them."),
}

NOT_SET_UP = "AWS is not set up: {} Set AWS_REGION and credentials."
# kind of error -> the sentence, around what it says itself
SET_UP: dict[str, str] = {
    "botocore.exceptions.NoRegionError": NOT_SET_UP,
    "botocore.exceptions.NoCredentialsError": NOT_SET_UP,
    "botocore.exceptions.PartialCredentialsError": NOT_SET_UP,
    "adapters.event_store_dynamodb.errors.NotAllowed": "{}",
    "adapters.event_store_dynamodb.errors.TableAbsent": "{}",
}


class Commands(click.Group):
    """Knows the commands by name, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        with loading():
            command: click.Command = getattr(import_module(f"entrypoints.commands.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]}?" if near else " See `gas --help`."
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def gas() -> None:
    """GAS, a Genomics Annotation Service."""


def main() -> None:
    """The `gas` command: exit 0 done, 1 refused with a sentence, 2 wrong usage, 130 interrupted."""
    os.umask(0o077)  # logs, databases, backups: for their owner alone
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    try:
        code = gas.main(arguments, prog_name="gas", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"gas: {error.format_message()}", err=True)
        return error.exit_code
    except BrokenPipeError:
        _forget_stdout()
        return REFUSED
    except Exception as error:
        sentence = _sentence(error)
        if not sentence:
            raise
        click.echo(f"gas: {sentence}", err=True)
        return REFUSED


def _sentence(error: Exception) -> str:
    """For people; what has none is a fault of ours and shows its trace."""
    from domain.errors import DomainError
    from entrypoints.client import Refusal, Unreachable
    from entrypoints.outages import outage_of

    if isinstance(error, DomainError | Refusal | Unreachable):
        return str(error)
    outage = outage_of(error)
    if outage:
        return f"{outage.sentence()} ({type(error).__name__}: {error})"
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    return next((SET_UP[name].format(error) for name in names if name in SET_UP), "")


def _forget_stdout() -> None:
    """Whoever read our output has gone (`gas events | head`): say nothing more, also at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
