"""A small company that looks real: a school supplier, some 200 codes, one year of receipts, shipments, returns, losses.

Made by a fixed seed, so that every copy shows the same figures. It never ships what it does not have, so that after the
run only the guides' own rows stay open.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from reconciliation.demo.rows import Rows

SEED = 60_000
FIRST_DAY = date(2021, 7, 19)
DAYS = 361  # up to the day before the guides' own list begins
CENT = 100

SUBJECTS = ("Biology", "Chemistry", "Physics", "World History", "Geography", "Spanish", "German", "Economics")
EDITIONS = (("TB", "Student Edition", 5400), ("TM", "Teacher's Manual", 7800), ("WB", "Workbook", 1450))
NOVELS = (
    "Pride and Prejudice", "Moby-Dick", "Jane Eyre", "Great Expectations", "Frankenstein", "Dracula", "Emma",
    "Walden", "The Odyssey", "Hamlet", "Macbeth", "Candide",
)  # fmt: skip
WIRE = tuple((gauge, metal) for gauge in (10, 12, 14, 18, 20, 22) for metal in ("Copper", "Aluminum", "Nichrome"))
SUPPLIES = (
    ("NB", "Notebook", ("College Ruled", "Wide Ruled", "Graph", "Dotted", "Music"), ("70 pages", "120 pages"), 250),
    ("PN", "Pen", ("Black", "Blue", "Red", "Green"), ("Fine, box of 12", "Medium, box of 12"), 640),
    ("PC", "Pencil", ("HB", "2B", "4B", "6B"), ("box of 12", "box of 72"), 410),
    ("PP", "Copy Paper", ("White", "Ivory", "Blue", "Yellow"), ("Letter, ream", "Legal, ream"), 525),
    ("BK", "Beaker", ("50 ml", "100 ml", "250 ml", "600 ml", "1,000 ml"), ("Glass", "Polypropylene"), 380),
    ("FL", "Flask", ("125 ml", "250 ml", "500 ml"), ("Erlenmeyer", "Round Bottom", "Volumetric"), 720),
    ("AC", "Acrylic Paint", ("White", "Ultramarine", "Cadmium Red", "Ochre", "Black"), ("75 ml", "500 ml"), 490),
    ("BR", "Brush", ("Round", "Flat", "Filbert", "Fan"), ("No. 2", "No. 6", "No. 12"), 330),
    ("BD", "Binder", ("1 in", "2 in", "3 in"), ("White", "Black", "Blue"), 360),
    ("CA", "Calculator", ("Basic", "Scientific", "Graphing"), ("Solar", "Battery"), 1890),
    ("GL", "Globe", ("9 in", "12 in", "16 in"), ("Political", "Physical"), 3150),
    ("CB", "Cable", ("HDMI", "USB-C", "Ethernet", "VGA"), ("1 m", "2 m", "5 m"), 560),
)  # fmt: skip
SCHOOLS = (
    "Lincoln Elementary", "Roosevelt High", "St. Mary's Academy", "Oak Hill Middle School", "Northside College",
    "Jefferson High", "Maple Grove School", "City Library", "Westview Academy", "Harbor Technical School",
)  # fmt: skip


@dataclass(slots=True)
class Item:
    """One code with what the year needs to know of it; cost in cents."""

    code: str
    description: str
    cost: int
    weekly_sale: int
    on_hand: int = 0
    due: bool = False


@dataclass(slots=True)
class Shipped:
    """A shipped line that may still come back."""

    usage: str
    item: Item
    quantity: int
    order: str
    at: datetime


@dataclass(slots=True)
class Year:
    """The company's records as they grow, and the numbers given out so far."""

    random: Random
    rows: Rows = field(default_factory=Rows)
    shipped: list[Shipped] = field(default_factory=list)
    last_lot: int = 41_000
    last_usage: int = 61_000
    last_order: int = 61_000
    last_purchase_order: int = 21_000
    last_adjustment: int = 61_000


def make_company() -> Rows:
    """Make the whole year, day by day."""
    year = Year(Random(SEED))  # noqa: S311  (figures to look at, not secrets)
    items = make_items(year.random)
    year.rows.items = [(item.code, item.description, _money(item.cost)) for item in items]
    for item in items:
        _receive(year, item, _moment(FIRST_DAY, 8, year.random))
    for number in range(1, DAYS):
        day = FIRST_DAY + timedelta(days=number)
        if day.weekday() < 5:
            _work_a_day(year, items, day)
    return year.rows


def make_items(random: Random) -> list[Item]:
    """Name some 200 codes and give each a cost and a pace."""
    named = [
        (f"{prefix}-{subject[:4].upper().strip()}{level}", f"{subject} {roman}, {edition}", cost)
        for subject in SUBJECTS
        for level, roman in ((1, "I"), (2, "II"))
        for prefix, edition, cost in EDITIONS
    ]
    named += [(f"NV-{100 + n}", f"{title}, paperback", 690) for n, title in enumerate(NOVELS)]
    named += [(f"{gauge}G-{metal[:2].upper()}", f"{gauge} Gauge {metal} Wire, per foot", 145) for gauge, metal in WIRE]
    named += [
        (f"{prefix}-{first + 1}{second + 1:02d}", f"{noun}, {kind}, {size}", cost)
        for prefix, noun, kinds, sizes, cost in SUPPLIES
        for first, kind in enumerate(kinds)
        for second, size in enumerate(sizes)
    ]
    return [
        Item(code, description, cost * random.randrange(80, 131) // 100, weekly_sale=random.choice((2, 4, 6, 10, 18)))
        for code, description, cost in named
    ]


def _work_a_day(year: Year, items: list[Item], day: date) -> None:
    for item in items:
        # Ordered when less than three weeks' sale is left, here some days later.
        if item.on_hand < 3 * item.weekly_sale and year.random.random() < 0.3:
            _receive(year, item, _moment(day, 8, year.random))
    for _ in range(year.random.randrange(6, 15)):
        _ship_an_order(year, items, day)
    if year.random.random() < 0.35:
        _take_back(year, day)
    if year.random.random() < 0.25:
        _write_off(year, items, day)


def _receive(year: Year, item: Item, at: datetime) -> None:
    quantity = item.weekly_sale * year.random.randrange(6, 13)
    # Prices wander, and freight makes lot values that no unit cost divides evenly.
    item.cost = max(20, item.cost * year.random.randrange(97, 105) // 100)
    value = quantity * item.cost + year.random.randrange(0, 400)
    year.last_lot += 1
    year.last_purchase_order += 1
    item.on_hand += quantity
    office = "AI" if year.random.random() < 0.8 else "NY"
    year.rows.lots.append(
        (
            str(year.last_lot),
            item.code,
            office,
            _text(at),
            str(quantity),
            _money(value),
            f"PO-{year.last_purchase_order}",
        )
    )


def _ship_an_order(year: Year, items: list[Item], day: date) -> None:
    year.last_order += 1
    order, at = str(year.last_order), _moment(day, 10, year.random)
    office = "AI" if year.random.random() < 0.8 else "NY"
    school = year.random.choice(SCHOOLS)
    for item in year.random.sample(items, year.random.randrange(1, 7)):
        quantity = min(year.random.randrange(1, item.weekly_sale + 2), item.on_hand)
        if quantity == 0:
            continue
        number = _use(year, item, at, quantity, f"SHIP-{order}", office=office, order=order, school=school)
        year.shipped.append(Shipped(number, item, quantity, order, at))


def _take_back(year: Year, day: date) -> None:
    """A customer returns part of a line shipped within the last weeks; a line comes back once."""
    recent = [line for line in year.shipped[-150:] if line.at.date() < day]
    if not recent:
        return
    line = year.random.choice(recent)
    year.shipped.remove(line)
    year.last_order += 1
    quantity = year.random.randrange(1, line.quantity + 1)
    at = _moment(day, 15, year.random)
    _use(year, line.item, at, -quantity, f"SHIP-{year.last_order}", office="AI", order=line.order, returns=line.usage)


def _write_off(year: Year, items: list[Item], day: date) -> None:
    """Damaged or missing goods: an adjustment, which has neither office nor order."""
    item = year.random.choice(items)
    quantity = min(year.random.randrange(1, 4), item.on_hand)
    if quantity:
        year.last_adjustment += 1
        _use(year, item, _moment(day, 17, year.random), quantity, f"INVTRYADJ-{year.last_adjustment}")


def _use(
    year: Year,
    item: Item,
    at: datetime,
    quantity: int,
    transaction_id: str,
    *,
    office: str = "",
    order: str = "",
    school: str = "",
    returns: str = "",
) -> str:
    year.last_usage += 1
    item.on_hand -= quantity
    reference = f"Order #{order}" + (f", {school}" if school else "") if order else ""
    number = str(year.last_usage)
    year.rows.usage.append(
        (number, item.code, office, _text(at), str(quantity), transaction_id, order, reference, returns)
    )
    return number


def _moment(day: date, hour: int, random: Random) -> datetime:
    return datetime(day.year, day.month, day.day, hour, random.randrange(60), random.randrange(60))  # noqa: DTZ001  (UTC by the import format)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _money(cents: int) -> str:
    return f"{cents // CENT}.{cents % CENT:02d}"
