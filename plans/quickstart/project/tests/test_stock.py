from shop.stock import answer


def test_the_warehouse_answers():
    assert answer(), "no answer from the warehouse in time"
