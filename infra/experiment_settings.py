"""The section of ``aimloop.toml`` that says how challengers are tried, and what decides."""

import itertools
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from infra.sections import Section, one_or_many


def _listed(value: Any) -> Any:
    """As a variable brings several: 0.05,0.2,0.5; nothing between commas is none."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else one_or_many(value)


Metric = Literal["click_rate", "conversion", "revenue_per_customer"]


class Experimentation(Section):
    """``[experiments]``: how challengers are tried, and what decides."""

    start: Literal["automatic", "by hand"] = Field(
        "automatic", description="Whether a candidate that passed its gate is tried at once, or people start it."
    )
    gate_margin: float = Field(
        0.02, ge=0, lt=1, description="What a candidate's loss must surely not exceed the champion's by, as a share."
    )
    gate_slice_margin: float = Field(
        0.1, ge=0, description="The same, as a share, in any group of customers that share an attribute."
    )
    gate_calibration: float = Field(
        1.1, gt=1, description="The factor by which predicted ÷ observed of a candidate may surely be off 1."
    )
    gate_row_ms: float = Field(20, gt=0, description="A candidate that takes longer for one row (ms) is rejected.")
    gate_megabytes: float = Field(200, gt=0, description="A candidate whose file is larger is rejected.")
    shadow_days: float = Field(
        1, ge=0, allow_inf_nan=False, description="How long a challenger scores unheard before it answers anybody."
    )
    step_requests: int = Field(
        100, ge=0, description="How many requests it must have scored unheard, or answered at a share, before the next."
    )
    ramp_shares: Annotated[tuple[float, ...], BeforeValidator(_listed)] = Field(
        (0.05, 0.2, 0.5), min_length=1, description="Shares of customers that a challenger gets, each above the last."
    )
    ramp_days: float = Field(
        3, ge=0, allow_inf_nan=False, description="How long each share is held before the next one."
    )
    metric: Metric = Field("click_rate", description="What decides where challengers act differently.")
    guardrails: Annotated[tuple[Metric, ...], BeforeValidator(_listed)] = Field(
        ("conversion", "revenue_per_customer"),
        description="What must not become worse meanwhile; those of which nothing is reported are left out.",
    )
    clicks_of: Literal["answered", "shown"] = Field(
        "answered", description="What a click rate counts: all that was answered, or what applications say was shown."
    )
    attribution_days: float = Field(
        1, gt=0, le=90, description="Outcomes count that occur within so many days of their prediction."
    )
    before_days: float = Field(
        28, ge=0, le=365, description="How long before an experiment the customers' own past is taken into account."
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="How often a challenger that is no better may win, at most.")
    expected_lift: float = Field(
        0.1, gt=0, le=10, description="The relative improvement that the test is tuned to find soonest."
    )
    expected_loss_gain: float = Field(
        0.01,
        gt=0,
        le=1,
        description="The same where both versions score every row: the share by which its loss is less.",
    )
    tolerated_loss: float = Field(
        0.05, ge=0, lt=1, description="The share by which a guardrail may surely be worse before it stops a challenger."
    )
    min_days: float = Field(
        7, ge=0, allow_inf_nan=False, description="No challenger wins before; harm ends it at once."
    )
    max_days: float = Field(
        28,
        gt=0,
        allow_inf_nan=False,
        description="From the start, shadow included: the champion stays if nothing is decided by then.",
    )
    min_customers: int = Field(100, ge=2, description="With fewer customers in an arm nothing is said.")
    max_failure_rate: float = Field(
        0.01, gt=0, lt=1, description="Share of requests that a challenger may fail to answer (crashed, too slow)."
    )
    probation_days: float = Field(
        7,
        ge=0,
        allow_inf_nan=False,
        description="For so long a new champion goes back by itself if a guardrail breaks.",
    )
    probation_drop: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="The share by which its metric and each guardrail, per answer, may surely fall from before.",
    )
    patience_seconds: float = Field(
        300, ge=0, le=86_400, description="How long the hourly evaluation waits for a cycle that is running."
    )

    @model_validator(mode="after")
    def _is_a_ramp(self) -> "Experimentation":
        shares = (0.0, *self.ramp_shares, 1.0)
        if any(not low < high for low, high in itertools.pairwise(shares)):
            raise ValueError("ramp_shares must rise, above 0 and below 1, such as 0.05, 0.2, 0.5")
        if self.min_days > self.max_days:
            raise ValueError("min_days must not exceed max_days")
        return self
