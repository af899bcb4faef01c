"""Who comes again, how often and for how much: learned from all buyers with the other figures, and kept as rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from connector.decide.loyalty.buy_till_you_die import beta_geometric, gamma_gamma, plain
from connector.decide.loyalty.buy_till_you_die.beta_geometric import BetaGeometric
from connector.decide.loyalty.buy_till_you_die.gamma_gamma import GammaGamma, Spendings
from connector.decide.loyalty.buy_till_you_die.histories import Histories
from connector.decide.loyalty.buy_till_you_die.plain import PlainRule
from connector.decide.loyalty.lifetimes import histories, lifetimes, spendings
from connector.decide.loyalty.proof import ENOUGH, Proof
from connector.policies.loyalty import LEARNED, MBG_NBD, PLAIN, LoyaltyPolicy
from connector.schema import FIGURES

PLAIN_VALUE = "plain_value"
NOTHING_FITS = "no parameters fit these buyers"
SCHEMA = pa.schema([each for each in FIGURES["model"] if each.name != "run"])

Row = dict[str, Any]


@dataclass(frozen=True)
class BuyerModels:
    """What was learned at one refresh: of orders (in days), and of what an order is worth."""

    orders: BetaGeometric | PlainRule
    value: GammaGamma
    learned_at: datetime


def learned(bought: ir.Table, policy: LoyaltyPolicy, as_of: datetime, proved: Proof | None = None) -> ir.Table:
    """The figure `model`: a row for each parameter, with how many persons it was learned from, and why this model.

    Where the model of the policy has too little to learn from, or nothing fits, the plain rules stand: that of
    `buy_till_you_die.plain` for orders; for values the mean of a person's orders and one average order of the shop.

    Args:
        proved: see `proof`; it says which where the policy leaves that open.
    """
    rows = [*_orders(histories(lifetimes(bought, as_of)), policy, proved), *_value(spendings(bought))]
    return ibis.memtable(pa.Table.from_pylist([{**row, "learned_at": as_of} for row in rows], schema=SCHEMA))


def _orders(seen: Histories, policy: LoyaltyPolicy, proved: Proof | None) -> list[Row]:
    again = int(np.sum(seen.persons[seen.repeats > 0]))
    why = _too_plain(again, policy, proved)
    if not why:
        name = MBG_NBD if policy.model == LEARNED else policy.model
        model, found = beta_geometric.fitted(seen, modified=name == MBG_NBD)
        if found:
            said = f"fitted to {int(np.sum(seen.persons))} buyers, {again} of whom came again"
            said += f"; {proved.why}" if proved else ""
            return _rows(name, model.parameters, seen.persons, said, model.log_likelihood(seen))
        why = NOTHING_FITS
    rule = plain.learned(seen, policy.horizon.total_seconds() / 86_400)
    return _rows(PLAIN, asdict(rule), seen.persons, f"plain rule: {why}")


def _too_plain(again: int, policy: LoyaltyPolicy, proved: Proof | None) -> str:
    if policy.model == PLAIN:
        return "policy.loyalty.model asks for it"
    if proved and proved.model == PLAIN:
        return proved.why
    return _too_few(again)


def _too_few(again: int) -> str:
    return f"only {again} came again, a model needs {ENOUGH}" if again < ENOUGH else ""


def _value(seen: Spendings) -> list[Row]:
    why = _too_few(int(np.sum(seen.persons)))
    if not why:
        model, found = gamma_gamma.fitted(seen)
        if found:
            said = f"fitted to {int(np.sum(seen.persons))} buyers who came again"
            return _rows("gamma_gamma", asdict(model), seen.persons, said, model.log_likelihood(seen))
        why = NOTHING_FITS
    mean = float(np.average(seen.mean, weights=seen.persons)) if len(seen.mean) else 0.0
    return _rows(PLAIN_VALUE, asdict(GammaGamma.average(mean)), seen.persons, f"plain rule: {why}")


def _rows(
    model: str, parameters: dict[str, float], persons: Any, why: str, log_likelihood: float | None = None
) -> list[Row]:
    told = {"model": model, "persons": int(np.sum(persons)), "log_likelihood": log_likelihood, "why": why}
    return [{**told, "parameter": name, "value": value} for name, value in parameters.items()]


def read(rows: Sequence[Row]) -> BuyerModels | None:
    """The rows of the figure `model` as what they stand for; None where there are none."""
    if not rows:
        return None
    names = {row["model"] for row in rows}
    one = {row["parameter"]: row["value"] for row in rows}
    orders = PlainRule(one["gap"], one["pace"]) if PLAIN in names else _beta_geometric(one, MBG_NBD in names)
    return BuyerModels(orders, GammaGamma(one["p"], one["q"], one["v"]), rows[0]["learned_at"].astimezone(UTC))


def _beta_geometric(one: dict[str, float], modified: bool) -> BetaGeometric:
    return BetaGeometric(one["r"], one["alpha"], one["a"], one["b"], modified)
