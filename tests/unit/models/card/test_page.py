"""The page: whole, safe, and readable by whoever cannot see the pictures."""

import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from models.card import plots
from models.card.figures import ROLES, picture
from models.card.page import prose, render
from models.card.phrases import column_in_words, figure, share
from models.card.segments import Elbow
from tests.unit.models.card.conftest import attributes_of, card_of, outcomes_of

EVIL = '<script src="//evil">alert(1)</script>'
VOID = {"meta", "br", "link", "img"}


class Reader(HTMLParser):
    """Gathers elements with their attributes, and checks that what opens closes."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


def told(page):
    """The words of a page, a space between cells."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture(scope="module")
def page(fair):
    """Everything a card can hold; the south is called a script, and is predicted twice too much."""
    biased = np.where(fair["region"] == "south", (2 * fair["predicted"]).clip(0, 1), fair["predicted"])
    plain = fair.drop(columns="region").assign(predicted=biased, baseline=0.3)
    region = fair["region"].replace({"south": EVIL}).to_numpy()
    drivers = pd.DataFrame({"driver": ["orders in 84 days", EVIL], "share": [0.8, 0.2], "direction": "raises"})
    members = pd.DataFrame({"segment": ["loyal"] * 30 + [EVIL] * 30, "amount_84d": 12.5, "strategy": "keep & thank"})
    notes = {"clusters": 3, "inertia": {2: 9.0, 3: 4.0, 4: 3.0}, "silhouette": {2: 0.4, 3: 0.5, 4: 0.3}, "why": EVIL}
    known = attributes_of(fair, region=region)
    return render(card_of(plain, known, outcomes=plain, drivers=drivers, members=members, notes=notes))


def test_what_data_say_is_text_and_never_markup(page):
    read = Reader(page)
    assert not [tag for tag, _ in read.elements if tag == "script"]
    assert read.text.count(EVIL) >= 3, "in the tables"
    assert "evil" in page
    assert EVIL not in page


def test_it_needs_nothing_else(page):
    read = Reader(page)
    addresses = [a[name] for _, a in read.elements for name in ("src", "href", "xlink:href", "data") if name in a]
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert "default-src 'none'" in next(m["content"] for m in read.all("meta") if "http-equiv" in m)
    assert not re.search(r"@import|url\((?!#)", page)
    assert not [a for _, a in read.elements if any(name.startswith("on") for name in a)]


def test_pictures_refer_to_what_is_there(page):
    read = Reader(page)
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]+)\)", page) + [a["xlink:href"][1:] for _, a in read.elements if "xlink:href" in a]
    labels = [label for _, a in read.elements for label in a.get("aria-labelledby", "").split()]
    assert set(used) | set(labels) <= set(ids)


def test_whoever_cannot_see_hears_the_same(page):
    read = Reader(page)
    pictures = read.all("svg")
    assert len(pictures) == 4
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in pictures)
    assert len(read.all("h1")) == 1
    assert all(a.get("scope") in ("row", "col") for a in read.all("th"))
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert levels.count(3) == 7


def test_the_gap_is_told_with_its_reason(page):
    text = " ".join(Reader(page).text.split())
    assert re.search(r"gap predicts \d+% too much", text)
    assert "keep & thank" in text


def test_colours_follow_the_page(page):
    body = page[page.index("<body>") :]
    assert not [colour for colour in ROLES if colour in body]
    assert not re.search(r"(fill|stroke): #", body)
    for role in ROLES.values():
        assert page.count(f"{role}:") == 2, "in light and in dark"


def test_amounts_have_their_own_pictures():
    rng = np.random.default_rng(5)
    spend = rng.lognormal(3, 1, 400)
    frame = outcomes_of(spend, spend * rng.uniform(0.5, 1.5, 400), low=spend / 2, high=spend * 1.2)
    page = render(card_of(frame, attributes_of(frame, gender="f"), outcomes=frame))
    titles = re.findall(r"<title id=\"(\w+)-title\">", page)
    assert titles == ["calibration", "gain", "coverage", "slices"]
    assert "R²" in Reader(page).text


def test_a_model_with_nothing_to_show_has_a_page(fair):
    read = Reader(render(card_of(fair, attributes_of(fair))))
    assert read.all("svg") == []


@pytest.mark.parametrize(
    ("inertia", "silhouette"),
    [((0.0, 0.0), (0.0, 0.0)), ((4.0, 0.0), (-0.2, -0.1)), ((4.0, 2.0), (-0.2, 0.3))],
    ids=["all in one spot", "overlapping", "partly"],
)
def test_segments_that_lie_in_one_spot_or_in_each_other_are_drawn(inertia, silhouette, monkeypatch):
    def within_bounds(name, title, description, draw, **_):
        panels = list(Figure().subplots(1, 2))
        draw(panels)
        for axes, values in zip(panels, (np.zeros(1), silhouette), strict=True):
            low, high = axes.get_ylim()
            assert low <= min(values) <= max(values) < high
        return "drawn"

    monkeypatch.setattr(plots, "picture", within_bounds)
    with np.errstate(all="raise"):
        assert plots.elbow(Elbow((2, 3), inertia, silhouette, 3)) == "drawn"


def test_the_card_says_how_settings_were_found_and_what_hastens_an_order(fair):
    tuning = {"trials": 3, "loss_before": 0.15, "loss": 0.1499, "found": {"leaves": 12}, "given": {"leaves": 7}}
    tuning |= {"windows": ["2017-06-20", "2017-07-18"], "seconds": 41.2}
    ratios = {"orders in 28 days": (1.27, 1.21, 1.32), "days since the first order": (0.85, 0.82, 0.88)}
    notes = {"tuning": tuning, "hazard_ratios": ratios, "line": {"slope": 0.5}}
    text = told(render(card_of(fair, attributes_of(fair), notes=notes)))
    assert "on the earlier windows from 2017-06-20, 2017-07-18: 3 trials in 41.2 seconds" in text
    assert "mean loss 0.15 with what was given and 0.1499 with the best. Changed: leaves from 7 to 12." in text
    assert "What hastens the next order" in text
    assert "orders in 28 days 1.27 1.21 – 1.32 sooner" in text
    assert "days since the first order 0.85 0.82 – 0.88 later" in text
    assert "line slope 0.500" in text


def test_a_search_that_found_nothing_better_says_so(fair):
    tuning = {"trials": 3, "loss_before": 0.15, "loss": 0.15, "found": {}}
    assert "Nothing was better" in render(card_of(fair, attributes_of(fair), notes={"tuning": tuning}))


def test_only_groups_that_are_judged_are_counted(fair):
    """Of two regions one has 19 positives: too few to say."""
    actual = np.r_[np.arange(2_000) < 19, fair["actual"].to_numpy()[2_000:] > 0].astype(float)
    plain = fair.drop(columns="region").assign(actual=actual)
    known = attributes_of(fair, region=fair["region"].to_numpy())
    text = told(render(card_of(plain, known, outcomes=plain)))
    assert "of 2 judged; 1 too few to say" in text
    assert "Chance alone would flag one of the 2 judged" in text
    assert "region: too few to say north" in text


def test_strategies_stand_below_the_table(page):
    assert "What to do loyal keep & thank" in told(page)


def test_the_same_figures_draw_the_same_picture_and_leave_no_trace():
    with mpl.rc_context({"font.size": 31}):
        once, again = (
            picture("one", "a < b", "c & d", lambda panels: panels[0].plot([1, 2], [3, 5])) for _ in range(2)
        )
        assert mpl.rcParams["font.size"] == 31
    assert once == again
    assert "a &lt; b" in once
    assert "<metadata" not in once


@pytest.mark.parametrize(
    ("value", "text"),
    [(17_667.0, "17,667"), (1_234.5, "1,234"), (41.27, "41.3"), (4.598, "4.60"), (0.86649, "0.866"), (0.0457, "0.0457"),
     (0.00531, "0.00531"), (1e-9, "< 0.0001"), (0.0, "0"), (float("nan"), "–"), (None, "–"), (-0.25, "-0.250")],
)  # fmt: skip
def test_numbers_have_the_places_they_deserve(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.551, "55 %"), (0.0553, "5.5 %"), (0.00091, "0.091 %"), (0.0, "0 %")])
def test_shares_too(value, text):
    assert share(value) == text


def test_code_in_prose_is_set_as_code_and_nothing_else_is():
    assert prose("see `<b> & c`, <i>") == "see <code>&lt;b&gt; &amp; c</code>, &lt;i&gt;"


def test_columns_are_read_as_words():
    assert column_in_words("orders_84d") == "orders in 84 days"
    assert column_in_words("days_since_last_order") == "days since the last order"
    assert column_in_words("later_amount", {"period_days": 28, "horizon_days": 90}) == "spent in the 28 days after"
    assert column_in_words("later_amount") == "later amount"
