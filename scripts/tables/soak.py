"""Runs that were killed, and calls that failed (`scripts/soak`)."""

from common import read, table


def soak():
    """What was done to runs, how often, and how often they ended in another way than they should."""
    parts = read("soak.json")["parts"]
    rows = []
    kills = parts["kills"]["rows"]
    total = lambda rows, name: sum(row.get(name, 0) for row in rows)
    wrong = lambda rows: str(sum(len(row["wrong"]) for row in rows))
    for row in kills:
        rows.append([f"killed and resumed: {row['name']}", f"{row['kills']} kills, {row['ends']} ends", wrong([row])])
    texts = f"**{total(kills, 'kills'):,} kills**, {total(kills, 'ends')} ends"
    rows.append(["**all of these**", texts, f"**{wrong(kills)}**"])
    for row in parts["writes"]["rows"]:
        what = f"{row['runs']} runs: {row['refused']} errors, {row['went_on']} went on"
        rows.append([f"a call fails: {row['name']}", what, wrong([row])])
    writes = parts["writes"]["rows"]
    rows.append(["**all of these**", f"**{total(writes, 'runs')} runs**", f"**{wrong(writes)}**"])
    for part, title in [("shared", "two programs"), ("clock", "clock"), ("threads", "threads on two cores")]:
        for row in parts[part]["rows"]:
            counts = [f"{value} {name.replace('_', ' ')}" for name, value in row.items() if name not in {"name", "wrong", "command"}]
            rows.append([f"{title}: {row['name']}", ", ".join(counts), wrong([row])])
    return table(["what", "how often", "wrong"], rows)


FIGURES = {"soak": soak}
