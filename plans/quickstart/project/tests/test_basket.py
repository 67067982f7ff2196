from shop.basket import total


def test_an_empty_basket_costs_nothing():
    assert total([]) == 0


def test_quantities_count():
    assert total([(250, 2), (100, 3)]) == 800
