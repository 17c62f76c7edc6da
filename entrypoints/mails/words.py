"""WORDS: what each mail says. One table, so that the tone is one.

``{file}`` is the name of the person's file; times are in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

JOB = "/jobs/{job}"
PLAN = "/plan"


@dataclass(frozen=True, slots=True)
class Words:
    """``says``: paragraphs, each with the fact it needs; one whose fact is unknown is left out."""

    subject: str
    says: tuple[tuple[str, str], ...]
    button: str
    path: str = JOB


AFTER_THE_END = (
    "Your results stay readable until {until}. Then they are archived: nothing is deleted, and "
    "an upgrade brings them back. Input files older than {input_days} days are removed then."
)

# at the end of every mail
LAST_OF_THE_HOUR = (
    "silent_until",
    (
        "This is the {most}th mail of its kind within an hour. To spare you there are no more of "
        "it until {silent_until}; My jobs shows them all."
    ),
)

WORDS: dict[str, Words] = {
    "job_finished": Words(
        "{file} is annotated",
        (
            ("", "Your file {file} is annotated: {records} records, and the result is ready."),
            (
                "until",
                (
                    "The result can be downloaded until {until}. Then it is archived, and an "
                    "upgrade to Premium brings it back. Log, summary and table stay readable."
                ),
            ),
        ),
        "Open the result",
    ),
    "job_failed": Words(
        "{file} could not be annotated",
        (
            ("", "The annotation of {file} has failed."),
            ("", "{why}"),
            ("", "The log on the job's page says more."),
        ),
        "Open the job",
    ),
    "will_be_archived": Words(
        "The result of {file} will be archived on {until}",
        (
            (
                "",
                (
                    "The result of {file} can be downloaded until {until}. Then it is archived, as "
                    "the Free plan has it."
                ),
            ),
            (
                "",
                (
                    "Download it before, or upgrade to Premium: then it stays, and what is "
                    "archived already comes back. Log, summary and table stay readable."
                ),
            ),
        ),
        "Download now",
    ),
    "archived": Words(
        "The result of {file} is archived",
        (
            (
                "",
                (
                    "The result of {file} is in the archive now and cannot be downloaded. Nothing "
                    "is lost: an upgrade to Premium brings it back by itself."
                ),
            ),
            ("", "Log, summary and table stay readable."),
        ),
        "Open the job",
    ),
    "being_restored": Words(
        "The result of {file} is being restored",
        (
            ("", "The result of {file} is on its way back from the archive."),
            ("expected", "It is expected by {expected}."),
            ("", "There is nothing for you to do. Another mail tells you when it is there."),
        ),
        "Open the job",
    ),
    "restored": Words(
        "The result of {file} is back",
        (
            (
                "",
                (
                    "The result of {file} can be downloaded again. It is byte for byte what it "
                    "was: its SHA-256 was compared."
                ),
            ),
            ("until", "It stays readable until {until}. Then it is archived again."),
        ),
        "Open the result",
    ),
    "upgraded": Words(
        "You are on the Premium plan",
        (
            ("", "Thank you: you are on the Premium plan now."),
            (
                "",
                (
                    "Your results are kept from now on. Whatever was archived comes back by "
                    "itself; each job's page says how far it is."
                ),
            ),
        ),
        "Open your plan",
        PLAN,
    ),
    "payment_failed": Words(
        "Your payment for GAS Premium failed",
        (
            ("", "The payment for your Premium plan could not be taken."),
            (
                "",
                (
                    "Premium goes on until {until}. Please check your way of paying before then, "
                    "so that your results stay readable."
                ),
            ),
        ),
        "Check the payment",
        PLAN,
    ),
    "cancel_scheduled": Words(
        "Your Premium plan ends on {at}",
        (
            ("", "You have cancelled the Premium plan. It goes on until {at}."),
            ("", AFTER_THE_END),
            ("", "Until the plan ends you can take the cancellation back on the Plan page."),
        ),
        "Open your plan",
        PLAN,
    ),
    "resumed": Words(
        "Your Premium plan goes on",
        (
            ("paid", "Your payment has arrived. Thank you."),
            ("kept", "You have taken your cancellation back. Thank you."),
            ("", "The Premium plan goes on as before, and your results are kept."),
        ),
        "Open your plan",
        PLAN,
    ),
    "ended": Words(
        "Your Premium plan has ended",
        (
            ("", "Your Premium plan has ended: you are on the Free plan now."),
            ("", AFTER_THE_END),
        ),
        "Open your plan",
        PLAN,
    ),
}
