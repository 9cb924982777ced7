"""Pure: one cell's text to the text that the database takes, or BadValueError with a reason for people.

Cells repeat (a quantity of 1, the moment of an invoice), so numbers and moments are remembered: half a million rows
cost seconds.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

Parser = Callable[[str], str]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)?", re.ASCII
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_OUTER_BLANKS = "begins or ends with white space; take it away."
_REMEMBERED = 50_000
_NUMBER_LENGTH = 100
FIRST_YEAR, LAST_YEAR = 1900, 2200


class BadValueError(ValueError):
    """The reason, as the end of a sentence that names file, row and column."""


def text_parser(*, length: int, is_required: bool = False, is_identifier: bool = False) -> Parser:
    """Text exactly as it stands, also where it looks like a formula: making it harmless is the business of exports.

    What identifies a record has no white space around it: nobody sees that " A" is not "A".
    """

    def parse(text: str) -> str:
        if not text.isascii() and _SURROGATE.search(text):
            raise BadValueError("is not UTF-8 text; save the file as UTF-8.")
        if "\0" in text:
            raise BadValueError("contains a NUL character, which no text may.")
        if len(text) > length:
            raise BadValueError(f"is too long: {len(text):,} characters, at most {length} fit.")
        if not text or text.isspace():
            if is_required:
                raise BadValueError("must not be empty.")
            return ""
        if is_identifier and text != text.strip():
            raise BadValueError(_OUTER_BLANKS)
        return text

    return parse


def number_parser(
    *, digits: int, places: int, is_zero_refused: str = "", is_negative_refused: str = "", what: str = "number"
) -> Parser:
    """A decimal in its plain form. The two refusals are the reasons to give; "" lets such a number pass."""
    limit = Decimal(10) ** (digits - places)
    remembered: dict[str, str] = {}

    def parse(text: str) -> str:
        try:
            return remembered[text]
        except KeyError:
            pass
        number = _number(text, places=places, limit=limit)
        if number == 0 and is_zero_refused:
            raise BadValueError(is_zero_refused)
        if number < 0 and is_negative_refused:
            raise BadValueError(is_negative_refused)
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        plain = f"{number:f}"
        remembered[text] = plain
        return plain

    return parse


def _number(text: str, *, places: int, limit: Decimal) -> Decimal:
    stripped = text.strip()
    if not stripped:
        raise BadValueError("must not be empty: a number is needed.")
    if len(stripped) > _NUMBER_LENGTH or not _NUMBER.fullmatch(stripped):
        raise BadValueError("is not a number (digits with a decimal point, no thousands separators).")
    number = Decimal(stripped)
    # By the exponent first: written out, 1e9999 would be ten thousand digits.
    if number and (number.adjusted() > 40 or abs(number) >= limit):
        raise BadValueError(f"is too large: it must be below {limit:,f}.")
    if number and (number.adjusted() < -places or number != round(number, places)):
        raise BadValueError(f"is finer than {places} decimals.")
    return round(number, places)


def moment_parser() -> Parser:
    """A date, or date and time, in ISO form; without a zone it is UTC. Comes back in UTC."""
    remembered: dict[str, str] = {}

    def parse(text: str) -> str:
        try:
            return remembered[text]
        except KeyError:
            pass
        moment = _moment(text.strip()).isoformat(sep=" ")
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        remembered[text] = moment
        return moment

    return parse


def _moment(text: str) -> datetime:
    if not text:
        raise BadValueError("must not be empty: a date is needed.")
    if not _MOMENT.fullmatch(text):
        raise BadValueError("is not a date; write 2026-03-31, 2026-03-31 14:05 or 2026-03-31T14:05:00+02:00.")
    try:
        moment = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValueError("is a date that does not exist.") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}.")
    return moment


def names_parser(*, length: int) -> Callable[[str], list[str]]:
    """Names joined by `;`, each once, in a settled order; an empty cell is an empty list."""
    parse_text = text_parser(length=100_000)

    def parse(text: str) -> list[str]:
        if not text.strip():
            return []
        names = parse_text(text).split(";")
        if not all(name.strip() for name in names):
            raise BadValueError("has an empty name between its semicolons.")
        if any(name != name.strip() for name in names):
            raise BadValueError("has a name that " + _OUTER_BLANKS)
        if longest := next((name for name in names if len(name) > length), ""):
            raise BadValueError(f"names a lot of {len(longest):,} characters; at most {length} fit.")
        return sorted(set(names))

    return parse
