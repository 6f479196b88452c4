"""What the compilers of GPUs say of the kernels (`scripts/compile-report`)."""

from common import read, table

# Columns of a vendor's table for each target.
COLUMNS = {
    "AMD": ["registers", "spilled_registers", "latency_cycles"],
    "NVIDIA": ["registers", "spill_store_bytes", "multiply_adds", "instructions"],
    "DX12": ["workgroup_bytes", "instructions"],
}
SPILLS = ["spilled_registers", "spill_store_bytes"]
FUSED = "forward_backward 8x128-storage-reread"


def of_vendor(vendor):
    """Some numbers of each kernel on each target of a vendor. Spilled registers are in bold."""
    columns = COLUMNS[vendor]
    targets = [target for target in read("compilers.json")["targets"] if target["target"].startswith(vendor)]
    heads = ", ".join(column.replace("_", " ") for column in columns)

    def cell(row):
        return ", ".join(f"**{row[column]:,}**" if column in SPILLS and row[column] else f"{row[column]:,}" for column in columns)

    kernels = zip(*(target["kernels"] for target in targets))
    rows = [[f"`{rows[0]['kernel']}`", *map(cell, rows)] for rows in kernels]
    return table(["kernel", *(f"{target['target']}: {heads}" for target in targets)], rows)


def before_and_after():
    """The fused kernel before it was changed by the compilers' verdict, and after."""
    names = ["compilers-before.json", "compilers.json"]
    found = [{target["target"]: target["kernels"] for target in read(name)["targets"]} for name in names]
    rows = []
    for target in ["AMD gfx9", "AMD gfx10.3", "NVIDIA sm_75", "NVIDIA sm_89", "NVIDIA sm_90"]:
        pair = [next(row for row in of[target] if row["kernel"] == FUSED) for of in found]
        unit, key = ("registers", "spilled_registers") if "AMD" in target else ("bytes", "spill_store_bytes")
        spilled = [f"{row[key]:,} {unit}" if row[key] else "0" for row in pair]
        instructions = [f"{row['instructions']:,}" for row in pair]
        loops = [row.get("inner_loop_multiply_adds") for row in pair]
        shares = [f"{100 * part / row['inner_loop_instructions']:.0f}%" if part else "-" for part, row in zip(loops, pair)]
        rows.append([target, *spilled, *instructions, *shares])
    heads = ["spilled before", "after", "instructions before", "after", "multiply-adds in innermost loops before", "after"]
    return table(["`forward_backward`, 8x128", *heads], rows)


FIGURES = {
    "compilers-amd": lambda: of_vendor("AMD"),
    "compilers-nvidia": lambda: of_vendor("NVIDIA"),
    "compilers-dx12": lambda: of_vendor("DX12"),
    "compilers-before": before_and_after,
}
