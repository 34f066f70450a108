#!/usr/bin/env python3
"""Checks the size limits of docs/CODING_STYLE.md: functions of at most 120 lines, .c files of at most 800, headers of at
most 150, folders of at most 20 modules, 80 % of the prototypes in headers documented. `--report` prints the figures."""
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["common", "perf", "python_unwind", "symbolize", "output", "cli"]
FUNCTION_LINES, C_LINES, HEADER_LINES, MODULES, DOCUMENTED = 120, 800, 150, 20, 0.80
# Headers that hold one format or interface as a whole, where a cut would hide more than it shows.
LONGER_HEADERS = {"output/recording/record.h": 200}
PROTOTYPE = re.compile(r"^(?!static|typedef|return|#|\s|/|\*|}|struct \w+ {|enum|extern)[A-Za-z_][^;{}=]*\([^;{}]*\)[^;{}]*;", re.M)


def files(suffix):
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*" + suffix))


def function_lengths(text):
    """(name, lines) of each function body: an opening brace in column 0 after a line that is not a type's."""
    lines = text.split("\n")
    for start, line in enumerate(lines):
        if line != "{" or start == 0:
            continue
        end = next((i for i in range(start, len(lines)) if lines[i] == "}"), len(lines))
        head = next((lines[i] for i in range(start - 1, -1, -1) if re.match(r"[A-Za-z_].*\(", lines[i])), "?")
        name = re.search(r"(\w+)\s*\(", head)
        yield (name.group(1) if name else "?"), end - start + 1


def check_functions(problems):
    lengths = []
    for path in list(files(".c")) + list(files(".h")):
        for name, length in function_lengths(path.read_text()):
            lengths.append(length)
            if length > FUNCTION_LINES:
                problems.append(f"{path.relative_to(ROOT)}: {name}() has {length} lines, at most {FUNCTION_LINES}")
    return lengths


def check_files(problems):
    for suffix, limit in ((".c", C_LINES), (".h", HEADER_LINES)):
        for path in files(suffix):
            name = str(path.relative_to(ROOT))
            count = path.read_text().count("\n")
            allowed = LONGER_HEADERS.get(name, limit)
            if count > allowed:
                problems.append(f"{name}: {count} lines, at most {allowed}")


def check_folders(problems):
    for folder in {path.parent for path in files(".c")}:
        modules = {path.name.split(".")[0] for path in folder.glob("*.[ch]")}
        if len(modules) > MODULES:
            problems.append(f"{folder.relative_to(ROOT)}: {len(modules)} modules, at most {MODULES}: split it")


def documented_share():
    """Of the prototypes in headers, the share that has a comment above it or above the group it stands in."""
    total = documented = 0
    for path in files(".h"):
        text = path.read_text()
        for match in PROTOTYPE.finditer(text):
            total += 1
            paragraph = text[: match.start()].split("\n\n")[-1]
            documented += "*/" in paragraph
    return documented, total


def main():
    problems = []
    lengths = check_functions(problems)
    check_files(problems)
    check_folders(problems)
    documented, total = documented_share()
    if not lengths or not total:
        problems.append("no functions found")
    elif documented < DOCUMENTED * total:
        problems.append(f"only {documented} of {total} prototypes in headers are documented, at least {DOCUMENTED:.0%}")
    if lengths:
        ordered = sorted(lengths)
        print(f"functions: {len(lengths)}, median {statistics.median(lengths):g} lines, "
              f"p90 {ordered[int(len(ordered) * 0.9)]}, longest {ordered[-1]}; "
              f"prototypes documented: {documented} of {total}")
    print("\n".join(problems) or "limits: no violation")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
