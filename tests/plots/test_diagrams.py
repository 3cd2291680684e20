"""Drawings that explain."""

import xml.etree.ElementTree as ET

import pytest

from rlbook.plots import network_diagram

ACTIONS = ("up", "right & down", "left")


def test_a_network_shows_a_line_for_every_weight_and_six_neurons_of_a_wide_layer():
    svg = network_diagram((2, 4, 64, 3), ("row", "column"), ACTIONS)
    tree = ET.fromstring(svg)
    circles = [each for each in tree.iter() if each.tag.endswith("circle") and each.get("r") == "11"]
    columns = [each.get("cx") for each in circles]
    assert [columns.count(x) for x in dict.fromkeys(columns)] == [2, 4, 6, 3]
    (path,) = (each.get("d") for each in tree.iter() if each.tag.endswith("path"))
    assert path.count("L") == 2 * 4 + 4 * 6 + 6 * 3
    dots = [each for each in tree.iter() if each.get("r") == "1.8"]
    assert len(dots) == 3 and len({each.get("cx") for each in dots}) == 1  # below the wide layer alone
    words = [each.text for each in tree.iter() if each.tag.endswith("text")]
    assert words == ["2 inputs", "4 neurons", "64 neurons", "3 outputs", "row", "column", *ACTIONS]


@pytest.mark.parametrize("names", [(("row",), ACTIONS), (("row", "column"), ACTIONS[:2])])
def test_a_network_with_other_names_than_ends_is_refused(names):
    with pytest.raises(ValueError, match=r"there are \d names of (inputs|outputs); accepted are [23], one for each"):
        network_diagram((2, 64, 3), *names)
