"""Evidence of channels from a generation that is made by hand."""

from pathlib import Path

import pandas as pd
import pytest

from infra import channel_evidence
from infra.warehouse import Generation

AS_OF = pd.Timestamp("2017-05-29")
STATEMENTS = """
CREATE SCHEMA marts; CREATE SCHEMA staging; CREATE SCHEMA intermediate;
CREATE TABLE marts.scores AS SELECT * FROM (VALUES
    ('c', 'ann', 'loyal', 80::DOUBLE, 60::DOUBLE, 100::DOUBLE, 0.1::DOUBLE), ('c', 'bob', 'loyal', 'nan', 'nan', 'nan', 'nan'),
    ('c', 'cyd', NULL, 20.0, 10.0, 30.0, 0.5), ('earlier', 'ann', 'other', 1.0, 1.0, 1.0, 0.1)
) t(cycle_id, pseudonym, segment, expected_revenue_90d, expected_revenue_low, expected_revenue_high, churn_probability);
CREATE TABLE marts.customer_profiles AS SELECT * FROM (VALUES ('ann', 2, 40.0), ('bob', 4, 20.0), ('cyd', 0, 0.0))
    t(pseudonym, orders_84d, amount_84d);
CREATE TABLE marts.customer_consents AS SELECT * FROM (VALUES ('ann', true), ('bob', false)) t(pseudonym, may_receive_marketing);
CREATE TABLE staging.stg_campaigns AS SELECT * FROM (VALUES ('s', 'mailing', 'spring'), ('h', 'mailing', 'Control'))
    t(campaign_id, channel, kind);
CREATE TABLE staging.stg_contacts AS SELECT * FROM (VALUES
    ('s', 'ann', TIMESTAMP '2017-05-01', TIMESTAMP '2017-05-02'), ('s', 'ann', TIMESTAMP '2017-05-09', NULL),
    ('s', 'bob', TIMESTAMP '2017-05-09', NULL), ('h', 'cyd', TIMESTAMP '2017-05-09', NULL)
) t(campaign_id, pseudonym, contacted_at, responded_at);
CREATE TABLE staging.stg_impressions AS SELECT * FROM (VALUES
    ('banner', 'ann', TIMESTAMP '2017-05-28 10:00', 400.0, false), ('banner', 'ann', TIMESTAMP '2017-05-28 11:00', 1.0, true),
    (NULL, 'ann', TIMESTAMP '2017-05-28', 1.0, true)) t(channel, pseudonym, shown_at, sampling_weight, clicked);
CREATE TABLE intermediate.int_orders AS SELECT * FROM (VALUES
    ('ann', TIMESTAMP '2017-04-30', 99.0), ('ann', TIMESTAMP '2017-05-10', 5.5), ('cyd', TIMESTAMP '2017-05-20', 2.5)
) t(pseudonym, ordered_at, amount);
CREATE TABLE marts.prediction_outcomes AS SELECT * FROM (VALUES
    ('banner', true, TIMESTAMP '2017-05-28', 7.5), ('banner', false, TIMESTAMP '2017-05-28', 100.0)
) t(channel, is_answered, predicted_at, revenue);
"""


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    found = Generation(tmp_path / "c.duckdb")
    for statement in filter(str.strip, STATEMENTS.split(";")):
        found.execute(statement)
    return found


def test_results_by_segment_leave_out_who_was_held_back(generation: Generation) -> None:
    found = channel_evidence.gather(generation, AS_OF).responses.set_index(["channel", "segment"])
    mailing = found.loc[("mailing", "loyal")]
    assert (mailing["customers"], mailing["units"], mailing["responses"]) == (2, 3, 1)
    assert (mailing["units_squares"], mailing["responses_squares"], mailing["products"]) == (5, 1, 2)
    assert mailing["busiest_units"] == 2
    banner = found.loc[("banner", "loyal")]
    assert (banner["units"], banner["responses"]) == (401, 1)
    assert len(found) == 2


def test_segments_tell_who_may_be_contacted_and_what_they_spend(generation: Generation) -> None:
    found = channel_evidence.gather(generation, AS_OF).segments.set_index("segment")
    assert found["customers"].to_dict() == {"all": 1, "loyal": 2}
    assert found["reachable"].to_dict() == {"all": 0, "loyal": 1}  # nobody asked cyd
    loyal = found.loc["loyal"]
    assert (loyal["orders"], loyal["amount"], loyal["products"]) == (6, 60, 160)
    assert loyal["expected_revenue"] == 80  # bob's is not known


def test_weeks_that_are_not_over_are_left_out(generation: Generation) -> None:
    assert len(channel_evidence.gather(generation, AS_OF).weeks) == 3  # two of mailing, one of the banner
    assert len(channel_evidence.gather(generation, pd.Timestamp("2017-05-28 12:00")).weeks) == 2


def test_what_happened_in_a_time_beside_its_control_group(generation: Generation) -> None:
    found = channel_evidence.window(generation, pd.Timestamp("2017-05-08"), AS_OF).set_index("channel")
    mailing = found.loc["mailing"]
    assert (mailing["units"], mailing["responses"]) == (2, 0)  # the contact of May 1 was before
    assert (mailing["customers"], mailing["treated_return"], mailing["return_squares"]) == (2, 5.5, 5.5**2)
    assert (mailing["control_customers"], mailing["control_return"]) == (1, 2.5)
    assert found.loc["banner", "revenue"] == 7.5  # of what was answered


def test_without_campaigns_and_impressions_there_is_nothing(tmp_path: Path) -> None:
    bare = Generation(tmp_path / "c.duckdb")
    for statement in filter(str.strip, STATEMENTS.split(";")):
        if "stg_" not in statement:
            bare.execute(statement)
    found = channel_evidence.gather(bare, AS_OF)
    assert found.responses.empty
    assert found.weeks.empty
    assert channel_evidence.window(bare, AS_OF, AS_OF).empty
    assert len(found.segments) == 2
