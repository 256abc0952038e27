"""Tables on the terminal and docs/performance.md."""

TITLES = {"forward": "Forward pass", "train": "Training step", "shapes": "Other sizes", "preprocess": "Preprocessing",
          "augment": "Augmentation", "predict": "Prediction of a folder", "startup": "Start-up",
          "memory": "A large scan, many classes"}
BEGIN, END = "<!-- made by bench/compare: begin -->", "<!-- made by bench/compare: end -->"
HEADER = ["what", "against", "ours", "peer", "ratio", "asked", "met"]
NEW_PAGE = f"""# Performance

Every figure is the program's beside its peer's: same machine, same run, same number of threads, interleaved rounds.

{BEGIN}
{END}
"""


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def with_unit(value, unit):
    return f"{number(value)} {unit}".strip()


def cells(row):
    """One line of a table, as HEADER names them."""
    against = row.get("peer", "")
    asked, met = "", ""
    if row.get("floor") is not None:
        asked = f"{row['floor']:g}x"
    if row.get("limit") is not None:
        asked = f"at most {row['limit']:g} {row['unit']}"
    if "error" in row:
        return [row["what"], against, "", "", "", asked, f"not measured: {row['error']}"]
    if "met" in row:
        met = "yes" if row["met"] else "**no**"
    ratio = theirs = ""
    if "ratio" in row:
        theirs = with_unit(row["theirs"], row["unit"])
        ratio = f"{row['ratio']:.2f}x"
        if row["rounds"] > 1:
            ratio += f" ({row['lowest']:.2f}-{row['highest']:.2f})"
    return [row["what"], against, with_unit(row["ours"], row["unit"]), theirs, ratio, asked, met]


def print_table(name, section):
    lines = [HEADER, *(cells(row) for row in section["rows"])]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    print(f"\n{TITLES[name]} ({section['seconds']} s)")
    for line in lines:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    print(flush=True)


def markdown_table(rows):
    lines = [HEADER, ["---"] * len(HEADER), *(cells(row) for row in rows)]
    return ["| " + " | ".join(text.replace("|", "/") for text in line) + " |" for line in lines]


def machine_lines(results):
    m = results["machine"]
    peak = ", ".join(f"{m[key]:.0f} GFLOP/s {precision}" for precision in ("fp32", "bf16")
                     if (key := f"peak_gflops_{precision}") in m)
    peers = ", ".join(f"{name} {version}" for name, version in results["peers"].items())
    return [f"Machine: {m['cpu']}, {m['cores']} cores ({', '.join(m['instruction_sets'])}), "
            f"{m['memory_gib']:.0f} GiB, {m['system']}." + (f" Measured peak, all cores: {peak}." if peak else ""),
            "", f"Peers: {peers}."]


def section_lines(name, section):
    rounds = section["rounds"]
    yield from ["", f"## {TITLES[name]}", "", f"`bench/compare --only {name} --rounds {rounds} --threads "
                f"{section['threads']}` ({section['seconds']} s; program {section['program']}; load before "
                f"{section['load_before']})", ""]
    yield from markdown_table(section["rows"])
    yield from ["", "<details><summary>Commands</summary>", "", "```"]
    for one in section["commands"]:
        yield f"# {one['name']}"
        yield one["command"]
    yield from ["```", "", "</details>"]


def summary(sections):
    judged = [row for section in sections for row in section["rows"] if "met" in row or row.get("floor") is not None
              or row.get("limit") is not None]
    met = sum(row.get("met", False) for row in judged)
    return f"{met} of {len(judged)} asked figures are met; the others are marked in the tables."


def write_report(results, order, path):
    """Replaces what lies between the markers; text around them, such as profiles, is kept."""
    sections = {name: results["sections"][name] for name in order if name in results["sections"]}
    if not sections:
        return
    lines = [*machine_lines(results), "", "Ratios above 1: ours is faster. They are medians of the rounds' own ratios, "
             "with their range; the other figures are medians of the rounds. Commands run in the repository, with "
             "OMP_NUM_THREADS and CPU affinity set to the number of threads (augmentation: one).", "",
             summary(sections.values())]
    for name, section in sections.items():
        lines += section_lines(name, section)
    page = path.read_text() if path.is_file() else NEW_PAGE
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")
    print(f"wrote {path.name}")
