"""Train: every model of the catalogue on what the cycle knows, registered with its evidence."""

import platform
import subprocess
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from typing import Any

import pandas as pd
from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows import cards, champion, thresholds
from flows.context import PROJECT, Cycle, horizon_days, now, open_cycle
from infra import registry
from models import catalog
from models.backtest import Backtest, backtest
from models.card.content import fingerprint
from models.catalog import Entry
from models.errors import DisguisedLabel, TooLittleHistory, UnusableLabel
from models.metrics import Metrics, plain

_LIBRARIES = ("aimloop", "lifelines", "lightgbm", "numpy", "optuna", "pandas", "scikit-learn", "scipy")


@flow(name="train")
def train(cycle_id: str) -> dict[str, Any]:
    """Train, evaluate and register each model; one with too little history is skipped with a word."""
    outcomes = {name: train_model.with_options(name=f"train {name}")(cycle_id, name) for name in catalog.MODELS}
    create_markdown_artifact(key="model-metrics", markdown=_markdown(outcomes), description="Models of this cycle.")
    line = " · ".join(f"{name} {outcome['line']}" for name, outcome in outcomes.items())
    return {"line": line, "models": outcomes}


@task
def train_model(cycle_id: str, name: str) -> dict[str, Any]:
    """Train one model and register it; returns its tag, metrics and standing."""
    outcome = train_and_register(open_cycle(cycle_id), name)
    if outcome.get("card"):
        create_link_artifact(key=f"card-{name}", link=f"file://{outcome['card']}", description=outcome["line"])
    return outcome


def train_and_register(cycle: Cycle, name: str) -> dict[str, Any]:
    """Backtest, save, compare with the champion, record all of it in the ledger, and write the model card."""
    entry = catalog.MODELS[name]
    params = catalog.params(name, **_settings(cycle, name))
    if _is_absent(cycle, entry.brought_as):
        return {"line": f"skipped: needs {entry.brought_as}, and the data hold none", "tag": None}
    try:
        examples = read_examples(cycle, entry)
        params, tuning = _tuned(cycle, entry, examples, params)
        result = backtest(entry.model, examples, cycle.as_of, params)
    except TooLittleHistory as reason:
        first = entry.model.first_possible(_first_order(cycle), params)
        return {"line": f"skipped: {reason}; trainable from {first:%Y-%m-%d} at the earliest", "tag": None}
    except (DisguisedLabel, UnusableLabel) as reason:
        return {"line": f"refused: {reason}", "tag": None}
    tag = registry.tag_of(name, cycle.id)
    beside = champion.beside(cycle, entry, name, result, params)
    result = replace(beside.result, fitted=replace(beside.result.fitted, notes=beside.result.fitted.notes | tuning))
    settings = cycle.door.settings
    report = _report(cycle, result) | {
        "drift": thresholds.learn(entry, examples, result, settings.drift, settings.seed)
    }
    registry.save(tag, result.fitted, result.fitted.reference, report)
    register = cycle.door.ledger.register
    is_champion = register(tag, name, cycle.id, report, beside.comparison, now(), unusable=beside.unusable)
    registered = {"tag": tag, "is_champion": is_champion, **report}
    card = cards.attempt(cycle, name, result, {**registered, "comparison": beside.comparison})
    problem = f" ({beside.comparison['champion']} cannot be used)" if beside.unusable else ""
    problem += f", without a model card ({card['card_problem']})" if card["card_problem"] else ""
    return {"line": _headline(entry, result.metrics, is_champion) + problem, **registered, **card}


def _tuned(cycle: Cycle, entry: Entry, examples: pd.DataFrame, params: Any) -> tuple[Any, dict[str, Any]]:
    """The parameters, tuned where the settings ask for it, and what the report says of that."""
    settings = cycle.door.settings
    if settings.tuning_trials == 0:
        return params, {}
    from models.tuning import tune  # Optuna takes half a second to import, and most cycles need none

    tuned = tune(entry.model, examples, cycle.as_of, params, settings.tuning_trials, settings.tuning_seconds)
    return tuned.params, {"tuning": tuned.notes()} if tuned.trials else {}


def _is_absent(cycle: Cycle, raw_table: str) -> bool:
    """True where the company brought no such table (least input: orders alone)."""
    return cycle.generation.query(f"SELECT 1 AS one FROM staging.stg_{raw_table} LIMIT 1").empty


def read_examples(cycle: Cycle, entry: Entry) -> pd.DataFrame:
    """The rows of its mart that a model learns from and is tested on."""
    if entry.recent_by is None:
        return cycle.generation.read(entry.contract, entry.table)
    since = cycle.as_of - pd.Timedelta(days=entry.recent_days or 0)
    return cycle.generation.read(entry.contract, entry.table, f"{entry.recent_by} >= $since", since=since)


def _settings(cycle: Cycle, name: str) -> dict[str, Any]:
    """Those of the cycle's settings that are parameters of the model."""
    settings = cycle.door.settings
    own = {field.name for field in fields(catalog.MODELS[name].model.Params)}
    given = {
        "seed": settings.seed,
        "horizon_days": horizon_days(settings, name),
        "window_days": settings.churn_window_days,
        "imputation": settings.imputation,
    }
    return {field: value for field, value in given.items() if field in own}


def _first_order(cycle: Cycle) -> pd.Timestamp:
    return pd.Timestamp(cycle.generation.query("SELECT min(ordered_at) AS first FROM staging.stg_orders")["first"][0])


def _report(cycle: Cycle, result: Backtest) -> dict[str, Any]:
    return {
        "cycle_id": cycle.id,
        "as_of": cycle.as_of.isoformat(),
        "origin": result.window.origin.isoformat(),
        "evaluated_until": result.window.end.isoformat(),
        "features": list(result.fitted.features),
        "metrics": plain(result.metrics),
        "earlier_windows": {origin: plain(metrics) for origin, metrics in result.earlier.items()},
        "notes": result.fitted.notes,
        "parameters": asdict(result.params),
        "training_rows_sha256": fingerprint(result.past),
        "git_commit": _git_commit(),
        "environment": {"Python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
    }


def _headline(entry: Entry, metrics: Metrics, is_champion: bool) -> str:
    value, baseline = metrics[entry.headline].value, metrics[entry.baseline].value
    headline = {"auc": "AUC", "eta_squared": "eta²", "r2": "R²"}.get(entry.headline, entry.headline)
    standing = "" if is_champion else ", candidate"
    verdict = "" if value > baseline else ", not above its baseline"
    return f"{headline} {value:.3f} ({baseline:.3f}){verdict}{standing}"


def _git_commit() -> str:
    command = ["git", "-C", str(PROJECT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _markdown(outcomes: dict[str, dict[str, Any]]) -> str:
    lines = ["| model | standing | metric | value | 95 % interval |", "|---|---|---|---|---|"]
    for name, outcome in outcomes.items():
        if outcome["tag"] is None:
            lines.append(f"| {name} | {outcome['line']} | | | |")
            continue
        standing = "champion" if outcome["is_champion"] else "candidate"
        for metric, m in outcome["metrics"].items():
            span = f"{m['low']:.4f} – {m['high']:.4f}" if "low" in m else ""
            lines.append(f"| {name} | {standing} | {metric} | {m['value']:.4f} | {span} |")
    return "\n".join(lines)
