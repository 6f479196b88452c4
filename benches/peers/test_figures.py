"""`python3 -m unittest discover benches/peers` (no package needed)."""

import unittest

import figures


class Figures(unittest.TestCase):
    def test_a_slow_round_of_both_leaves_the_ratio_as_it_is(self) -> None:
        self.assertEqual(figures.ratio([10, 40, 11], [5, 20, 5.5]), 2)

    def test_rounds_without_both_are_left_out(self) -> None:
        self.assertEqual(figures.ratio([None, 9], [1, 3]), 3)
        self.assertIsNone(figures.ratio([None], [1]))
        self.assertEqual(figures.spread([None, 3, 1, 2]), (1, 2, 3))
        self.assertIsNone(figures.spread([None]))

    def test_everyone_runs_first_once(self) -> None:
        orders = [figures.rotated("abc", by) for by in range(3)]
        self.assertEqual([order[0] for order in orders], ["a", "b", "c"])
        self.assertEqual(figures.rotated([], 2), [])

    def test_a_screening_keeps_the_obvious_and_the_fastest_right_ones(self) -> None:
        def entry(name: str, time: float | None) -> dict[str, object]:
            return {"category": "c", "peer": "p", "name": name, "time": time}

        screened = [entry("obvious", 9), entry("wrong", None), entry("fast", 2), entry("slow", 5)]
        self.assertEqual(figures.best(screened, 1), ["c/obvious", "c/fast"])

    def test_digits(self) -> None:
        found = [figures.short(value) for value in (0.0784, 1.404, 14.72, 441.3, 2161.4)]
        self.assertEqual(found, ["0.078", "1.40", "14.7", "441", "2,161"])

    def test_table(self) -> None:
        entries = [
            {"name": "ours", "spread": (1, 2, 3), "ratio": None, "status": "ok"},
            {"name": "theirs", "spread": None, "ratio": None, "status": "wrong: loss off by 0.1"},
        ]
        lines = figures.table("T", entries).splitlines()
        self.assertEqual(lines[-2:], ["| ours | 2.00 | 1.00 – 3.00 |  |", "| theirs | wrong: loss off by 0.1 | | |"])


if __name__ == "__main__":
    unittest.main()
