def total(lines: list[tuple[int, int]]) -> int:
    """The sum of a basket of (price in cents, quantity)."""
    cents = 0
    for price, quantity in lines:
        cents += price * quantity
    return cents
