def test_tax_is_rounded_to_the_nearest_cent():
    # Known: the tax office rounds differently, nobody has mended it yet.
    assert round(0.5) == 1
