"""Tables on the terminal and docs/performance.md."""

TITLES = {"forward": "Forward pass", "train": "Training step", "shapes": "Other sizes", "preprocess": "Preprocessing",
          "augment": "Augmentation", "predict": "Prediction of a folder", "startup": "Start-up",
          "memory": "A large scan, many classes",
          "v2_cases": "Models of nnU-Net v2: a folder of small images",
          "v2_networks": "Models of nnU-Net v2: large networks", "v2_ct": "Models of nnU-Net v2: a crop of a CT",
          "v2_whole": "Models of nnU-Net v2: a whole CT",
          "v2_preprocess": "Fingerprint, plans and cases of nnU-Net v2", "v2_augment": "Training patches of nnU-Net v2",
          "v2_train": "Training step of nnU-Net v2's networks"}
BEGIN, END = "<!-- made by bench/compare: begin -->", "<!-- made by bench/compare: end -->"
HEADER = ["what", "against", "ours", "peer", "ratio", "asked", "met"]
NEW_PAGE = f"""# Performance

Every figure is the program's beside its peer's: same machine, same run, same number of threads, interleaved rounds.

{BEGIN}
{END}
"""


def title(key):
    """Of a section: "forward" or "forward, avx2"."""
    name, _, isa = key.partition(", ")
    return f"{TITLES[name]}, everyone held to {isa.upper()}" if isa else TITLES[name]


def command(key, section):
    name, _, isa = key.partition(", ")
    held = f" --isa {isa}" if isa else ""
    return f"bench/compare --only {name}{held} --rounds {section['rounds']} --threads {section['threads']}"


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
    print(f"\n{title(name)} ({section['seconds']} s)")
    for line in lines:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    print(flush=True)


def markdown_table(rows):
    lines = [HEADER, ["---"] * len(HEADER), *(cells(row) for row in rows)]
    return ["| " + " | ".join(text.replace("|", "/") for text in line) + " |" for line in lines]


def machine_lines(results):
    m = results["machine"]
    what = {"fp32": "fp32", "bf16": "bf16", "fp32_avx2": "fp32 held to AVX2"}
    peak = ", ".join(f"{m[key]:.0f} GFLOP/s {text}" for name, text in what.items()
                     if (key := f"peak_gflops_{name}") in m)
    peers = ", ".join(f"{name} {version}" for name, version in results["peers"].items())
    return [f"Machine: {m['cpu']}, {m['cores']} cores ({', '.join(m['instruction_sets'])}), "
            f"{m['memory_gib']:.0f} GiB, {m['system']}." + (f" Measured peak, all cores: {peak}." if peak else ""),
            "", f"Peers: {peers}."]


def section_lines(name, section):
    yield from ["", f"## {title(name)}", "", f"`{command(name, section)}` ({section['seconds']} s; program "
                f"{section['program']}; load before {section['load_before']}; {section.get('cpu', 'the machine above')})",
                ""]
    yield from markdown_table(section["rows"])
    yield from ["", "<details><summary>Commands</summary>", "", "```"]
    for one in section["commands"]:
        yield f"# {one['name']}"
        yield one["command"]
    yield from ["```", "", "</details>"]


def former_sections(text):
    """Heading -> lines, of a report that is there: what was not measured again is kept."""
    found, heading = {}, None
    for line in text.strip().splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
            found[heading] = []
        if heading:
            found[heading].append(line)
    return {heading: ["", *"\n".join(lines).rstrip().splitlines()] for heading, lines in found.items()}


def summary(lines):
    met = sum(line.endswith("| yes |") for line in lines)
    judged = met + sum("| **no** |" in line or "| not measured: " in line for line in lines)
    return f"{met} of {judged} asked figures are met; the others are marked in the tables."


def write_report(results, order, path):
    """Replaces what lies between the markers; text around them, such as profiles, is kept, and so are sections that
    these results lack."""
    page = path.read_text() if path.is_file() else NEW_PAGE
    before, _, rest = page.partition(BEGIN)
    former, _, after = rest.partition(END)
    kept = former_sections(former)
    sections = []
    for name in order:
        if name in results["sections"]:
            sections += section_lines(name, results["sections"][name])
        else:
            sections += kept.get(title(name), [])
    if not sections:
        return
    lines = [*machine_lines(results), "", "Ratios above 1: ours is faster. They are medians of the rounds' own ratios, "
             "with their range; the other figures are medians of the rounds. Commands run in the repository, with "
             "OMP_NUM_THREADS and CPU affinity set to the number of threads (augmentation: one).", "",
             summary(sections), *sections]
    path.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")
    print(f"wrote {path.name}")
