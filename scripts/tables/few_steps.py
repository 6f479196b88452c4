"""The recipe of few steps: other lengths, and one thing changed."""

from common import rows_of, table


def few_steps_variants():
    """The confirmed variants of `full-batch`, by name."""
    return {row["variant"]: row["confirmed"] for row in rows_of("few-steps.jsonl")}


def few_steps():
    """Error of the `full-batch` recipe at other lengths."""
    variants = few_steps_variants()
    lengths = [1, 2, 3, 4, 5, 10, 20, 65]
    errors = [f"{100 * variants[f'{steps} steps']['mean']:.2f}" for steps in lengths]
    return table(["steps", *map(str, lengths)], [["error", *errors]])


def ablation():
    """Error of `full-batch` with one thing changed."""
    variants = few_steps_variants()
    rows = [
        ("**nothing: 4 steps**", ["4 steps"]),
        ("no whitening, only centring: damping 400, rate searched", ["damping 400"]),
        ("damping 4, 0.4, 0.004 instead of 0.041, rate searched", ["damping 4", "damping 0.4", "damping 0.004"]),
        ("Muon instead of whitened Muon, rate searched", ["Muon instead, from the same start"]),
        ("AdamW, rate searched", ["AdamW instead, from the same start"]),
        ("SGD, rate and momentum searched", ["SGD instead, from the same start"]),
        ("drawn weights instead of the closed-form start, rate searched", ["drawn weights"]),
        (
            "start and statistics from 128, 256, 1,024 examples instead of 512",
            [f"start and statistics from {count} examples" for count in (128, 256, 1024)],
        ),
        ("new statistics before every step", ["statistics before every step"]),
        ("tanh instead of ReLU, nothing searched", ["tanh"]),
        ("50,000 training examples instead of 7,291 (other validation digits)", ["50,000 training examples"]),
    ]

    def error(name):
        text = f"{100 * variants[name]['mean']:.2f} ± {100 * variants[name]['sd']:.2f}"
        return f"**{text}**" if name == "4 steps" else text

    return table(["changed in `full-batch`", "error"], [[what, ", ".join(map(error, names))] for what, names in rows])


FIGURES = {
    "few-steps": few_steps,
    "ablation": ablation,
}
