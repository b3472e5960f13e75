"""Messages and modals in Block Kit.

Everything that came from outside goes into plain text objects, where nobody can mention a channel,
disguise a link or imitate our own formatting.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from certrail_sdk import Choice, Fact, Notification, Question, Severity

Block = dict[str, Any]

ANSWER_PREFIX = "certrail_answer_"
ASKS_COMMENT = "_with_comment"
COMMENT_BLOCK = "certrail_comment"
COMMENT_INPUT = "comment"
COMMENT_MODAL = "certrail_comment"

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
BUTTON_LIMIT = 75
TITLE_LIMIT = 24
ERROR_LIMIT = 500
FALLBACK_LIMIT = 4000
FACTS_PER_SECTION = 5
FACTS_LIMIT = 100
MESSAGE_LIMIT = 12_000
"""Characters of all blocks together; Slack refuses somewhat more as ``msg_blocks_too_long``."""
TOO_LONG = (
    "This does not fit into a Slack message, so there are no buttons. Read all of it in certrail, and vote there:"
    " follow the link, or use certrail approval show and certrail approval approve with the id above."
)
STYLES = {"approve": "primary", "reject": "danger"}
MARKS = {Severity.INFO: "Information", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}


def notification_blocks(message: Notification) -> list[Block]:
    """What people see of a notification."""
    about = [MARKS[message.severity], message.application, message.event_type]
    return [
        *_top(message.title, message.summary, message.facts),
        _context(
            _plain(" | ".join(part for part in about if part), FIELD_LIMIT), _instant(message.occurred_at)
        ),
        *_actions((), message.link),
    ]


def question_blocks(question: Question) -> list[Block]:
    """What people see of a question; without choices it has no buttons to answer with.

    Nobody answers for what they did not see: a question that does not fit has no buttons either.
    """
    choices = question.choices
    notice: list[Block] = []
    if choices and not fits(question):
        choices, notice = (), [{"type": "section", "text": _plain(TOO_LONG, SECTION_LIMIT)}]
    footer = [_plain(question.status, FIELD_LIMIT)] if question.status else []
    if question.deadline and question.choices:
        footer.append(_instant(question.deadline, "Answer before "))
    return [
        *_top(question.title, question.summary, question.facts),
        *([_context(*footer)] if footer else []),
        *notice,
        *_actions(choices, question.link),
    ]


def fits(question: Question) -> bool:
    """Whether a message can hold every fact in full.

    The title may be cut off, because it repeats a fact; Slack counts characters as UTF-16 code units at worst.
    """
    texts = [question.summary, *(text for fact in question.facts for text in (f"{fact.label}:", fact.value))]
    sizes = [len(text.encode("utf-16-le")) // 2 for text in texts]
    return (
        len(question.facts) <= FACTS_LIMIT
        and sizes[0] <= SECTION_LIMIT
        and max(sizes[1:], default=0) <= FIELD_LIMIT
        and sum(sizes) <= MESSAGE_LIMIT
    )


def comment_modal(label: str, private_metadata: str) -> Block:
    """The window that asks for a reason."""
    field = {"type": "plain_text_input", "action_id": COMMENT_INPUT, "multiline": True, "max_length": 1000}
    return {
        "type": "modal",
        "callback_id": COMMENT_MODAL,
        "private_metadata": private_metadata,
        "title": _plain(label, TITLE_LIMIT),
        "submit": _plain(label, TITLE_LIMIT),
        "close": _plain("Cancel", TITLE_LIMIT),
        "blocks": [
            {
                "type": "input",
                "block_id": COMMENT_BLOCK,
                "label": _plain("Why? Everybody who sees the request sees this.", FIELD_LIMIT),
                "element": field,
            }
        ],
    }


def fallback(title: str, *more: str) -> str:
    """The text for phones and screen readers, where markup would be read."""
    text = clip("\n".join(part for part in (title, *more) if part), FALLBACK_LIMIT)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(text: str, limit: int) -> str:
    """The text, or its beginning with a notice of how much is missing."""
    if len(text) <= limit:
        return text
    notice = f"... ({len(text)} characters)"
    return f"{text[: limit - len(notice)]}{notice}" if limit > 2 * len(notice) else f"{text[: limit - 3]}..."


def _top(title: str, summary: str, facts: Sequence[Fact]) -> list[Block]:
    blocks: list[Block] = [{"type": "header", "text": _plain(title, HEADER_LIMIT)}]
    if summary.strip():
        blocks.append({"type": "section", "text": _plain(summary, SECTION_LIMIT)})
    shown = list(facts[:FACTS_LIMIT])
    if len(facts) > FACTS_LIMIT:
        shown[-1] = Fact(label="More", value=f"{len(facts) - FACTS_LIMIT + 1} more facts do not fit here.")
    for start in range(0, len(shown), FACTS_PER_SECTION):
        fields = _fields(shown[start : start + FACTS_PER_SECTION])
        blocks.append({"type": "section", "fields": fields})
    return blocks


def _fields(facts: Iterable[Fact]) -> list[Block]:
    """Labels left, values right, as Slack fills two columns."""
    return [_plain(text, FIELD_LIMIT) for fact in facts for text in (f"{fact.label}:", fact.value)]


def _actions(choices: Sequence[Choice], link: str | None) -> list[Block]:
    elements = [_answer(choice) for choice in choices]
    if link:
        text = _plain("Open in certrail", BUTTON_LIMIT)
        elements.append({"type": "button", "action_id": "certrail_link", "text": text, "url": link})
    return [{"type": "actions", "elements": elements}] if elements else []


def _answer(choice: Choice) -> Block:
    return {
        "type": "button",
        "action_id": f"{ANSWER_PREFIX}{choice.answer}{ASKS_COMMENT if choice.wants_comment else ''}",
        "style": STYLES[choice.answer],
        "text": _plain(choice.label, BUTTON_LIMIT),
        "value": choice.token.get_secret_value(),
    }


def _context(*elements: Block) -> Block:
    return {"type": "context", "elements": list(elements)}


def _plain(text: str, limit: int) -> Block:
    # Slack refuses empty text; emoji codes in names stay as they were written.
    return {"type": "plain_text", "text": clip(text, limit) if text.strip() else "-", "emoji": False}


def _instant(when: datetime, before: str = "") -> Block:
    """A time that Slack shows in the reader's own time zone."""
    written = when.strftime("%Y-%m-%d %H:%M %Z")
    shown = f"<!date^{int(when.timestamp())}^{{date_short_pretty}} {{time}}|{written}>"
    return {"type": "mrkdwn", "text": f"{before}{shown}"}
