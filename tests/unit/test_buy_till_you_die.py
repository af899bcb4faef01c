"""The models of buyers against published figures of the CDNOW sample, to the printed digits, and against integrals."""

from math import factorial
from pathlib import Path

import cdnow
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import poch, roots_jacobi
from scipy.stats import beta

from connector.decide.loyalty.buy_till_you_die import beta_geometric, gamma_gamma, pareto, plain
from connector.decide.loyalty.buy_till_you_die.beta_geometric import BetaGeometric
from connector.decide.loyalty.buy_till_you_die.gamma_gamma import GammaGamma, Spendings
from connector.decide.loyalty.buy_till_you_die.histories import Histories
from connector.decide.loyalty.buy_till_you_die.pareto import ParetoNbd

NEW = Histories.of(0, 0, 0)
BTYD_R = BetaGeometric(0.243, 4.414, 0.793, 2.426, modified=False)
"""The parameters, as printed, with which R's BTYD computed its examples."""


@pytest.fixture(scope="module")
def sample(published: Path) -> cdnow.Cdnow:
    return cdnow.read(published)


@pytest.fixture(scope="module")
def bg_nbd(sample: cdnow.Cdnow) -> BetaGeometric:
    model, found = beta_geometric.fitted(sample.histories, modified=False)
    assert found
    return model


def rounded(digits: int, *values: float) -> list[float]:
    return [round(float(value), digits) for value in values]


def test_bg_nbd_of_the_paper(sample: cdnow.Cdnow, bg_nbd: BetaGeometric) -> None:
    """Parameters and log-likelihood of Fader, Hardie and Lee (2005)."""
    assert len(sample.repeats) == 2357
    assert rounded(3, *bg_nbd.parameters.values()) == [0.243, 4.414, 0.793, 2.426]
    assert rounded(1, bg_nbd.log_likelihood(sample.histories)) == [-9582.4]


def test_bg_nbd_expects_of_a_buyer_what_the_paper_does(bg_nbd: BetaGeometric) -> None:
    """E[Y(39) | x=2, t_x=30.43, T=38.86] = 1.226; a one-time buyer counts as alive for ever."""
    assert rounded(3, bg_nbd.expected_orders(Histories.of(2, 30.43, 38.86), 39)) == [1.226]
    assert bg_nbd.p_alive(Histories.of(0, 0, [1, 100, 10_000])).tolist() == [1, 1, 1]


def test_bg_nbd_expects_of_anybody_what_the_note_does(bg_nbd: BetaGeometric) -> None:
    """E[X(t)] of the Excel note. Its last figure, 1.8576, is of a series cut after 150 terms; the whole is 1.8580."""
    times = (0.1429, 1, 3, 31.8571, 32, 78)
    found = rounded(4, *(bg_nbd.expected_orders(NEW, time) for time in times))
    assert found == [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8580]
    r, alpha, a, b = bg_nbd.parameters.values()
    n = np.arange(150)
    cut = np.sum(poch(r, n) / poch(1, n) * (poch(b, n) / poch(a + b - 1, n)) * (78 / (alpha + 78)) ** n)
    assert rounded(4, (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + 78)) ** r * cut)) == [1.8576]


def test_bg_nbd_counts_as_btyd_of_r() -> None:
    """P(X(39) = 0) = 0.5737864, P(X(2) = 10) = 1.07869e-07: the likelihood, integrated over when the orders were."""
    assert rounded(7, np.exp(BTYD_R.log_likelihood(Histories.of(0, 0, [39])))) == [0.5737864]

    def density(last: float) -> float:
        likelihood = np.exp(BTYD_R.log_likelihood(Histories.of(10, last, [2.0])))
        return float(likelihood) * last**9 / factorial(9)

    assert f"{quad(density, 0, 2)[0]:.5e}" == "1.07869e-07"


def test_mbg_nbd_of_the_paper(sample: cdnow.Cdnow) -> None:
    """Parameters of Batislam, Denizel and Filiztekin (2007); silence tells on one-time buyers, too."""
    model, found = beta_geometric.fitted(sample.histories)
    assert found
    assert rounded(3, *model.parameters.values()) == [0.525, 6.183, 0.891, 1.614]
    soon, late = model.p_alive(Histories.of(0, 0, [1, 100]))
    assert 1 > soon > late > 0


def test_pareto_nbd_of_the_paper(sample: cdnow.Cdnow) -> None:
    """Parameters, and 25.46 orders expected in 52 weeks of x=26, t_x=30.86, T=31."""
    model, found = pareto.fitted(sample.histories)
    assert found
    assert rounded(3, model.r, model.alpha, model.s, model.beta) == [0.553, 10.578, 0.606, 11.669]
    assert rounded(2, model.expected_orders(Histories.of(26, 30.86, 31), 52)) == [25.46]


def test_pareto_nbd_counts_as_btyd_of_r() -> None:
    """E[X(1..4)] with the parameters of R's BTYD, as printed there."""
    model = ParetoNbd(0.55, 10.56, 0.61, 11.64)
    found = rounded(8, *(model.expected_orders(NEW, time) for time in (1, 2, 3, 4)))
    assert found == [0.05077821, 0.09916088, 0.14542507, 0.18979930]


def test_gamma_gamma_of_the_paper(sample: cdnow.Cdnow) -> None:
    """Parameters of 946 repeat buyers, and the expected mean order of the first ten buyers."""
    model, found = gamma_gamma.fitted(sample.repeat_buyers)
    assert found
    assert len(sample.repeat_buyers.mean) == 946
    assert rounded(2, model.p, model.q, model.v) == [6.25, 3.74, 15.44]
    ten = Spendings(sample.repeats[:10], sample.means[:10], np.ones(10))
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert rounded(2, *model.expected_value(ten)) == expected


@pytest.mark.parametrize("modified", [True, False])
@pytest.mark.parametrize("a", [0.05, 0.8, 1, 1 + 1e-9, 3, 30, 300])
def test_expected_orders_are_an_integral(a: float, modified: bool) -> None:
    """The closed form equals the integral over chances to go, for few and many repeats and all ages."""
    model = BetaGeometric(0.5, 20, a, 2.5, modified)
    ahead = 90
    for repeats, last, age in ((0, 0, 0), (0, 0, 30), (1, 3, 900), (7, 80, 90), (300, 700, 702)):
        seen = Histories.of(repeats, last, [age])
        nodes, weights = roots_jacobi(100, 1.5 + repeats + modified, a - 1)
        p = (1 + nodes) / 2
        orders = (1 - (1 + p * ahead / (20 + age)) ** -(0.5 + repeats)) / p
        while_alive = np.average(orders, weights=weights)
        assert model.expected_orders(seen, ahead) == pytest.approx(model.p_alive(seen) * while_alive, rel=1e-6)


@pytest.mark.parametrize("a", [3_000, 100_000])
def test_where_hardly_anybody_stays_orders_are_still_foretold(a: float) -> None:
    """A fit may end there: the closed form equals the mean over very many chances to go."""
    model, ahead = BetaGeometric(0.5, 20, a, 2.5), 90
    for repeats, last, age in ((0, 0, 30), (7, 80, 90), (300, 700, 702)):
        seen = Histories.of(repeats, last, [age])
        p = beta.ppf((np.arange(100_000) + 0.5) / 100_000, a, 2.5 + repeats + 1)
        orders = (1 - (1 + p * ahead / (20 + age)) ** -(0.5 + repeats)) / p
        while_alive = model.expected_orders(seen, ahead) / model.p_alive(seen)
        assert while_alive == pytest.approx(np.mean(orders), rel=1e-3)


def test_counts_weigh_as_rows_do(sample: cdnow.Cdnow) -> None:
    """Buyers of equal history, counted, give the likelihood of all of them."""
    seen = sample.histories
    rows, persons = np.unique(np.stack([seen.repeats, seen.last, seen.age], axis=1), axis=0, return_counts=True)
    counted = Histories.of(rows[:, 0], rows[:, 1], rows[:, 2], persons)
    model = BetaGeometric(0.5, 6, 0.9, 1.6)
    assert len(persons) < 2000
    assert model.log_likelihood(counted) == pytest.approx(model.log_likelihood(seen))


def test_the_plain_rule_says_what_it_says() -> None:
    """Twice one's own gap of silence halves the chance; a pace is the buyer's own and one gap at the shop's."""
    rule = plain.learned(Histories.of([0, 2], [0, 60], [100, 100]), otherwise=90)
    assert (rule.gap, rule.pace) == (30, 0.01)
    seen = Histories.of([2, 2, 0, 0], [60, 60, 0, 0], [70, 120, 15, 60])
    assert rule.p_alive(seen).tolist() == [1, 0.5, 1, 0.5]
    assert rule.expected_orders(seen, 65)[1] == pytest.approx(0.5 * 65 * 2.3 / 150)
    assert plain.learned(Histories.of(0, 0, [5.0]), otherwise=90) == plain.PlainRule(90, 0)


def test_the_plain_value_is_a_mean() -> None:
    """A buyer's orders and one average order."""
    seen = Spendings(np.array([3.0]), np.array([20.0]), np.ones(1))
    assert GammaGamma.average(100).expected_value(seen).tolist() == [40]
