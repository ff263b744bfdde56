"""Seeded draws: the same on every machine, and shaped as they say."""

from __future__ import annotations

import numpy as np
import pytest

from streams.generate.draws import UNIT, Draws


def test_first_draws_of_a_seed_are_the_same_for_ever() -> None:
    draws = Draws(7, 1)
    assert draws.below(1_000_000, 5).tolist() == [770140, 111927, 189097, 159955, 431968]
    assert draws.bell(5).tolist() == [1106, 411, -289, -178, -545]
    assert draws.factor(500, 5).tolist() == [41657, 29081, 36476, 83822, 42313]


def test_streams_of_one_seed_do_not_disturb_each_other() -> None:
    alone = Draws(7, 2).below(100, 50)
    other, beside = Draws(7, 1), Draws(7, 2)
    other.below(100, 10)
    assert (beside.below(100, 50) == alone).all()
    assert (Draws(7, 3).below(1 << 30, 50) != Draws(7, 2).below(1 << 30, 50)).any()


@pytest.mark.parametrize("sigma", [100, 500, 800])
def test_factors_have_mean_one_and_the_asked_spread(sigma: int) -> None:
    logs = np.log(Draws(3, sigma).factor(sigma, 200_000) / UNIT)
    assert abs(np.exp(logs).mean() - 1) < 0.01
    assert abs(logs.std() * 1000 - sigma) < sigma * 0.02


def test_draws_stay_within_their_bounds() -> None:
    draws = Draws(1)
    assert set(draws.between(3, 5, 1000).tolist()) == {3, 4, 5}
    assert {draws.one(2) for _ in range(50)} == {0, 1}
    assert not draws.chance(0, 1000).any()
    assert draws.chance(1_000_000, 1000).all()
    bounds = np.array([1, 10, 1 << 31])
    assert (draws.below(bounds, 3) < bounds).all()
