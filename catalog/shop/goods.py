"""What the synthetic shop sells: made-up brands and product lines in plain departments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from re2llm.catalog.items import AttributeValue, Item

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Product:
    """A type of product.

    Attributes:
        role: `main`, `accessory` or `refill`: what one buys first, along with it, or again.
        price: typical, in the shop's currency.
    """

    name: str
    role: str
    price: float


@dataclass(frozen=True, slots=True)
class Department:
    """A department with its products, and the platforms that its goods fit, if any."""

    name: str
    products: tuple[Product, ...]
    platforms: tuple[str, ...] = ()


def _products(main: str, accessory: str, refill: str = "") -> tuple[Product, ...]:
    made: list[Product] = []
    for role, listed in (("main", main), ("accessory", accessory), ("refill", refill)):
        for entry in filter(None, listed.split(", ")):
            name, price = entry.rsplit(" ", 1)
            made.append(Product(name, role, float(price)))
    return tuple(made)


DEPARTMENTS = (
    Department(
        "Gaming",
        _products(
            "Console 320, Adventure Game 45, Racing Game 40, Puzzle Game 25, Strategy Game 38",
            "Controller 55, Headset 60, Charging Dock 28, Carry Case 18, Steering Wheel 95",
        ),
        ("Orbit 5", "Nova Box", "Pocket Duo"),
    ),
    Department(
        "Photography",
        _products(
            "Camera 540, Instant Camera 95, Action Camera 210",
            "Lens 260, Tripod 48, Camera Bag 42, Memory Card 24, Lens Filter 22",
            "Instant Film 16",
        ),
        ("K-Mount", "R-Mount"),
    ),
    Department(
        "Kitchen",
        _products(
            "Espresso Machine 280, Blender 75, Stand Mixer 190, Kettle 38",
            "Milk Frother 26, Knife Block 65, Mixing Bowl 19, Measuring Scale 21",
            "Coffee Beans 14, Descaler 9, Water Filter 12",
        ),
    ),
    Department(
        "Outdoor",
        _products(
            "Tent 180, Sleeping Bag 85, Backpack 95, Hiking Boots 120",
            "Headlamp 29, Camping Stove 48, Trekking Poles 45, Water Bottle 18",
            "Gas Cartridge 8, Trail Snack 6",
        ),
    ),
    Department(
        "Beauty",
        _products(
            "Hair Dryer 70, Electric Toothbrush 80, Shaver 95",
            "Travel Pouch 15, Brush Set 24, Mirror 32",
            "Face Cream 18, Shampoo 9, Brush Heads 16, Razor Blades 14, Body Lotion 11",
        ),
    ),
    Department(
        "Music",
        _products(
            "Acoustic Guitar 210, Keyboard 260, Ukulele 65, Drum Pad 130",
            "Guitar Stand 25, Gig Bag 35, Sustain Pedal 28, Tuner 17",
            "Guitar Strings 9, Drum Sticks 10",
        ),
    ),
    Department(
        "Home Office",
        _products(
            "Desk Chair 190, Standing Desk 340, Monitor 230, Printer 140",
            "Monitor Arm 60, Desk Lamp 42, Cable Tray 19, Footrest 33",
            "Printer Ink 27, Paper Ream 8, Notebook 6",
        ),
    ),
)
_SYLLABLES = ("bel", "cor", "dan", "fir", "gal", "hol", "jun", "kel", "lor", "mar", "nim", "os")
_ENDINGS = ("a", "en", "ix", "o", "um", "ia", "ett", "ane")
_LINES = ("Aero", "Basalt", "Cedar", "Drift", "Ember", "Fjord", "Glint", "Harbor", "Iris", "Juno")
_GRADES = ("Mini", "Lite", "Classic", "Plus", "Pro", "Max")
_FINISHES = ("Black", "White", "Sand", "Forest", "Coral", "Steel")


def make_goods(count: int, draws: np.random.Generator) -> list[Item]:
    """Make `count` items; brands stick to two or three departments, lines to a brand."""
    brands = _brands(draws)
    items: list[Item] = []
    titles: set[str] = set()
    while len(items) < count:
        department = DEPARTMENTS[int(draws.integers(len(DEPARTMENTS)))]
        product = department.products[int(draws.integers(len(department.products)))]
        brand, lines = _choice(brands[department.name], draws)
        line = _choice(lines, draws)
        grade = int(draws.integers(len(_GRADES)))
        finish = _choice(_FINISHES, draws)
        platform = _choice(department.platforms, draws) if department.platforms else ""
        title = " ".join(filter(None, (brand, line, product.name, _GRADES[grade], finish)))
        if platform:
            title += f" for {platform}" if product.role != "main" else f" ({platform})"
        if title in titles:
            continue
        titles.add(title)
        level = 0.55 + 0.25 * grade
        price = round(product.price * level * float(draws.lognormal(0, 0.12)), 2)
        year = 2016 + int(draws.integers(9))
        attributes: dict[str, AttributeValue] = {
            "brand": brand,
            "category": (department.name, product.name),
            "price": price,
            "year": year,
            "description": (
                f"{product.name} of the {line} line by {brand}, in {finish.lower()}."
                + (f" Fits {platform}." if platform else "")
            ),
        }
        if platform:
            attributes["platform"] = platform
        items.append(Item(item_id=f"S{len(items):05d}", title=title, attributes=attributes))
    return items


def path(item: Item) -> tuple[str, str]:
    """Return an item's department and product."""
    steps = item.attributes["category"]
    if not isinstance(steps, tuple):
        raise TypeError(f"{item.item_id!r} is none of this shop's goods")
    return steps[0], steps[1]


def role(item: Item) -> str:
    """Return whether an item is bought first, along with something, or again."""
    return _ROLES[path(item)]


_ROLES = {
    (department.name, product.name): product.role
    for department in DEPARTMENTS
    for product in department.products
}


def _brands(draws: np.random.Generator) -> dict[str, list[tuple[str, list[str]]]]:
    names = [f"{first}{second}".title() for first in _SYLLABLES for second in _ENDINGS]
    draws.shuffle(names)
    found: dict[str, list[tuple[str, list[str]]]] = {one.name: [] for one in DEPARTMENTS}
    for place, name in enumerate(names[:42]):
        lines = [_LINES[int(n)] for n in draws.choice(len(_LINES), size=3, replace=False)]
        for step in (0, 1, 3)[: 2 + place % 2]:
            department = DEPARTMENTS[(place + step) % len(DEPARTMENTS)]
            found[department.name].append((name, lines))
    return found


def _choice(options: Sequence[T], draws: np.random.Generator) -> T:
    return options[int(draws.integers(len(options)))]
