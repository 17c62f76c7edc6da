"""`gas token create|list|revoke`: for the local user, in the data folder itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import click

from domain.account import SCOPES
from entrypoints.commands.asking import as_json, local_state, print_json, print_table

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas


@click.group()
def token() -> None:
    """Tokens for programs that use the API."""


@token.command()
@click.option("--name", default="", help="What it is for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Default: all.")
@as_json
def create(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Create a token and print it; it is shown this once."""
    from domain.context import acting

    gas, user = _local()
    with acting(f"user:{user}"):
        secret = gas.people.create_token(user, name=name, scopes=list(scopes or SCOPES))
    if as_json:
        print_json({"token": secret, "scopes": list(scopes or SCOPES)})
    else:
        click.echo(secret)


@token.command("list")
@as_json
def list_tokens(as_json: bool) -> None:
    """List your tokens; their secrets are not kept."""
    gas, user = _local()
    tokens = gas.people.tokens(user)
    if as_json:
        print_json(tokens)
    else:
        rows = [[t["id"], t["name"], t["created"][:19], " ".join(t["scopes"])] for t in tokens]
        print_table(["ID", "NAME", "CREATED", "SCOPES"], rows)


@token.command()
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> None:
    """End the token with the id ID at once."""
    from domain.context import acting

    gas, user = _local()
    with acting(f"user:{user}"):
        gas.people.revoke_token(user, token_id)
    click.echo("revoked", err=True)


def _local() -> tuple[Gas, UUID]:
    """The service's state, and the local user; a service elsewhere makes tokens in its pages."""
    from entrypoints.local_user import ensure_local_user

    gas = local_state()
    if gas.settings.store != "sqlite" and not gas.settings.local:
        raise click.ClickException(
            "This is not a service of one machine: create tokens in its pages, under Account."
        )
    return gas, ensure_local_user(gas)
