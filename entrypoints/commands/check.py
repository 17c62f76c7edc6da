"""`gas check`: for operators, whether the service's promises hold."""

from __future__ import annotations

from dataclasses import asdict

import click

from entrypoints.commands.asking import as_json, print_json, progress_bar, read_settings
from entrypoints.startup import loading


@click.command()
@click.option("--digests", is_flag=True, help="Read every readable file and compare its SHA-256.")
@as_json
def check(digests: bool, as_json: bool) -> None:
    """Prove the service's promises from log, records and files; exit 1 when one does not hold."""
    with loading():
        from entrypoints.checking import check as check_all
        from entrypoints.local.reach import reach

    settings, done = read_settings(), [0]
    with (
        reach(settings, alone=False) as gas,
        progress_bar("Reading", None) as tell,
    ):

        def read(count: int) -> None:
            done[0] += count
            tell(done[0])

        report = check_all(gas, digests=digests, read=read)
    if as_json:
        print_json({"findings": [asdict(f) for f in report.findings], "counts": report.counts})
    else:
        for finding in report.findings:
            click.echo(str(finding))
        counted = ", ".join(f"{count} {what}" for what, count in report.counts.items())
        click.echo(f"{counted}; {len(report.findings) or 'no'} findings")
    if report.findings:
        click.get_current_context().exit(1)
