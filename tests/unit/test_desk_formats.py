"""What pages write of facts: parts apart from one another, and escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from streams.desk.formats import PART_ENDS, parted


def test_parts_of_a_fact_stand_apart_and_stay_escaped() -> None:
    told = Markup("\n").join([escape(f"early{PART_ENDS}"), escape(f"<b>{PART_ENDS}"), Markup("")])
    assert parted(told) == "early · &lt;b&gt;"
    assert parted(Markup("\n  \n")) == ""
