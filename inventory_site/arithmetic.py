"""What people type for an amount: a number, or a sum such as 12*8. Worked out exactly, by a parser and never by eval.

`static/js/amounts.js` does the same in the browser, so that people see the result at once; what counts is done here.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, NoReturn

AMOUNT_LENGTH: Final = 100


class NotAnAmount(ValueError):
    """Why a text cannot be worked out, in words for whoever typed it."""


_TOKEN: Final = re.compile(r"\s*(?:((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)|([-+*/()]))")
_SIGNS: Final = str.maketrans({"\u00d7": "*", "\u00f7": "/", "\u2212": "-"})
# What spreadsheets and ledgers mean by (500) is -500, what arithmetic means is 500: nobody should have to guess.
_IN_BRACKETS: Final = re.compile(r"=?\s*\(\s*[0-9.,]+\s*\)")


@dataclass(frozen=True)
class Sum:
    """What a text comes to, exactly, and whether anything was divided on the way."""

    number: Fraction
    is_divided: bool


def work_out(text: str) -> Sum:
    """The exact value of "12*8", "=3+4/2" or "1,200.50". Raises NotAnAmount."""
    typed = text.strip().translate(_SIGNS)
    if len(typed) > AMOUNT_LENGTH:
        raise NotAnAmount(f"This is too long for an amount: at most {AMOUNT_LENGTH} characters.")
    if _IN_BRACKETS.fullmatch(typed):
        raise NotAnAmount("Write a minus sign for a negative amount, or leave out the brackets.")
    return Sum(_Parser(typed.removeprefix("=")).result(), "/" in typed)


class _Parser:
    """sum := product (+|- product)*; product := factor (*|/ factor)*; factor := (+|-)* (number | "(" sum ")")."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            found = _TOKEN.match(text, place)
            # Two numbers in a row are one that was badly typed: 1,2345 or 1.2.3.
            if found is None or (found[1] and self.tokens and self.tokens[-1] not in {*"+-*/()"}):
                self.refuse()
            self.tokens.append(found[1] or found[2])
            place = found.end()
        self.tokens.reverse()  # so that the next one is at the end

    def refuse(self) -> NoReturn:
        shown = self.text if len(self.text) <= 30 else f"{self.text[:30]}\u2026"
        raise NotAnAmount(
            f"\u201c{shown}\u201d is not an amount. Write a number such as 1,200.50, or a sum such as 12*8."
        )

    def next_is(self, among: str) -> bool:
        return bool(self.tokens) and self.tokens[-1] in among

    def result(self) -> Fraction:
        number = self.sum()
        if self.tokens:
            self.refuse()
        return number

    def sum(self) -> Fraction:
        number = self.product()
        while self.next_is("+-"):
            number = number + self.product() if self.tokens.pop() == "+" else number - self.product()
        return number

    def product(self) -> Fraction:
        number = self.factor()
        while self.next_is("*/"):
            if self.tokens.pop() == "*":
                number *= self.factor()
            else:
                divisor = self.factor()
                if not divisor:
                    raise NotAnAmount("This divides by zero.")
                number /= divisor
        return number

    def factor(self) -> Fraction:
        sign = 1
        while self.next_is("+-"):
            sign = -sign if self.tokens.pop() == "-" else sign
        if not self.tokens or self.next_is("*/)"):
            self.refuse()
        part = self.tokens.pop()
        if part != "(":
            return sign * Fraction(part.replace(",", ""))
        number = self.sum()
        if not self.next_is(")"):
            self.refuse()
        self.tokens.pop()
        return sign * number


def rounded(number: Fraction, places: int) -> Decimal:
    """Half away from zero, as money is rounded everywhere else."""
    whole, rest = divmod(abs(number) * 10**places, 1)
    steps = whole + (1 if rest * 2 >= 1 else 0)
    return Decimal(-steps if number < 0 else steps).scaleb(-places)
