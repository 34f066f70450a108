#!/usr/bin/env python3
"""Checks the folder table of docs/ARCHITECTURE.md: which folder may include which, no include cycles, and that the
architecture's own code lies in arch_*.c and arch_*.h files only. Exits 1 with one line for each violation."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# folder -> folders (or single headers) that it may include besides itself
MAY_INCLUDE = {
    "common": [],
    "perf": ["common"],
    "python_unwind": ["common"],
    "symbolize": ["common"],
    "output/recording": ["common"],
    "output/model": ["common", "output/recording", "symbolize/symbolizer.h"],
    "output/render": ["common", "output/model"],
    "agent": ["common", "python_unwind/walk.h", "python_unwind/walk_state.h", "python_unwind/walk/code_copy.h"],
    "cli": ["common", "perf", "python_unwind", "symbolize", "output/recording", "output/model", "output/render"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
ARCHITECTURE = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*__(?:x86_64__|aarch64__|amd64__|TARGET_ARCH_)", re.M)


def folder_of(path):
    """The table's folder that holds `path` (relative, as text), or None."""
    return max((f for f in MAY_INCLUDE if path.startswith(f + "/")), key=len, default=None)


def sources():
    for folder in MAY_INCLUDE:
        for pattern in ("*.c", "*.h"):
            yield from sorted((ROOT / folder).rglob(pattern))


def may_include(user, header):
    used = folder_of(header)
    return used == user or header in MAY_INCLUDE[user] or used in MAY_INCLUDE[user]


def check_includes(graph, problems):
    for path in dict.fromkeys(sources()):
        name = str(path.relative_to(ROOT))
        folder = folder_of(name)
        text = path.read_text()
        if ARCHITECTURE.search(text) and not path.name.startswith(("arch", "walk_arch")):
            problems.append(f"{name}: code for one architecture belongs into an arch_*.c file")
        for header in INCLUDE.findall(text):
            if not (ROOT / header).exists():
                if not header.endswith((".skel.h", ".inc")):
                    problems.append(f"{name}: includes {header}, which is not a path from the root")
                continue
            graph.setdefault(name, set()).add(header)
            if not may_include(folder, header):
                problems.append(f"{name}: {folder}/ may not include {header}")
            if folder == "cli" and not header.startswith("cli/") and header.endswith("_internal.h"):
                problems.append(f"{name}: {header} is private to its folder")


def check_cycles(graph, problems):
    state = {}

    def visit(node, trail):
        if state.get(node) == "done":
            return
        if state.get(node) == "open":
            problems.append("include cycle: " + " -> ".join(trail[trail.index(node):] + [node]))
            return
        state[node] = "open"
        for header in sorted(graph.get(node, ())):
            visit(header, trail + [node])
        state[node] = "done"

    for node in sorted(graph):
        visit(node, [])


def main():
    problems, graph = [], {}
    check_includes(graph, problems)
    check_cycles(graph, problems)
    if not graph:
        problems.append("no sources found")
    print("\n".join(problems) or f"layers: {len(graph)} files, no violation")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
