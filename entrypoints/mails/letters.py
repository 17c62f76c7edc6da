"""Letters: a notice as a mail in text and HTML, with names that are looked up only now."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.mails import Facts, Notice
from domain.ports import Records
from domain.ports.mails import Mail
from domain.rejections import sentence
from entrypoints.mails.words import LAST_OF_THE_HOUR, WORDS
from entrypoints.uploading import printable
from projections.erasure import LABEL

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

LONGEST_NAME = 60
WIDTH = 72  # of a line of plain text
PREFERENCES = "/account/mail"


@dataclass(frozen=True)
class Letters:
    """Writes mails; ``address`` is where their links lead, without a slash at the end."""

    records: Records
    address: str

    def compose(self, notice: Notice, to: str) -> Mail:
        """The mail of a notice; nothing a person gave can become markup, a link or a header."""
        words = WORDS[notice.kind]
        facts = self._known(notice)
        subject = words.subject.format_map(facts)
        values = {
            "subject": subject,
            "says": [
                text.format_map(facts)
                for need, text in (*words.says, LAST_OF_THE_HOUR)
                if _has(facts, need)
            ],
            "button": words.button,
            "link": self.address + words.path.format_map(facts),
            "preferences": self.address + PREFERENCES,
            "optional": notice.group != "plan",
        }
        environment = self._environment
        return Mail(
            to=to,
            subject=subject,
            text=environment.get_template("mail.txt").render(values),
            html=environment.get_template("mail.html").render(values),
        )

    def _known(self, notice: Notice) -> dict[str, Any]:
        """The facts as they are written, with the names nobody may find in the log."""
        facts = {name: _written(value) for name, value in notice.facts.items()}
        if failure := notice.facts.get("failure"):
            facts["why"] = sentence(
                failure["code"],
                line=failure["line"],
                column=failure["column"],
                facts=failure["facts"],
            )
        if notice.job:
            facts |= {"job": str(notice.job), "file": self._filename(notice.job)}
        return facts

    def _filename(self, job_id: UUID) -> str:
        label = self.records.get(LABEL, str(job_id))
        name = printable(str(label.value["filename"])) if label else ""
        cut = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        return cut or "your file"

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

        environment = Environment(
            loader=PackageLoader("entrypoints.mails"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(fill=_fill, commands=_commands)
        return environment


def _has(facts: Facts, need: str) -> bool:
    return not need or bool(facts.get(need))


def _written(value: object) -> object:
    """Times to the minute before, in UTC; numbers with their thousands apart."""
    match value:
        case datetime():
            utc = value.astimezone(UTC)
            return f"{utc.day} {utc:%B %Y, %H:%M} UTC"
        case bool() | None | str() | Mapping():
            return value
        case int():
            return f"{value:,}"
    return value


def _fill(paragraph: str) -> str:
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)


def _commands(paragraph: str) -> Markup:
    """A paragraph with its `commands` set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(paragraph)))  # noqa: S704
