"""`gas doctor`: what protects this machine from a hostile file, and whether the service answers."""

from __future__ import annotations

import click

from entrypoints.commands.asking import as_json, print_json, read_settings

HOLDS = {
    "parent": "The annotating process dies with the service, even on kill -9.",
    "network": "The annotating process reaches no network.",
    "memory": "The annotating process has a memory limit.",
    "cpu": "The annotating process has a limit on CPU time.",
    "files": "The annotating process has a limit on the files it writes.",
    "core": "The annotating process leaves no core dumps.",
}


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what holds on this machine and what does not; exit 1 when something does not."""
    findings = {**_sandbox(), "service": _service()}
    if as_json:
        print_json({name: {"ok": ok, "says": says} for name, (ok, says) in findings.items()})
    else:
        for ok, says in findings.values():
            click.echo(f"{'ok  ' if ok else 'NOT '} {says}")
    if not all(ok for ok, _ in findings.values()):
        click.get_current_context().exit(1)


def _sandbox() -> dict[str, tuple[bool, str]]:
    from adapters.annotator_bcftools.sandbox import WITHOUT, protections

    return {
        name: (held, HOLDS[name] if held else WITHOUT[name]) for name, held in protections().items()
    }


def _service() -> tuple[bool, str]:
    """Whether the service of the settings is ready, in its own words."""
    from entrypoints.client import Refusal, Unreachable, connect

    try:
        connect(read_settings()).get("/me")
    except (Unreachable, Refusal) as error:
        return False, str(error)
    return True, "The service answers."
