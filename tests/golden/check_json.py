"""Reads the JSON goldens with Python's parser and checks what docs/formats.md promises."""
import json
import pathlib
import sys


def refuse(text):
    raise ValueError(f"not JSON: {text}")


def unique(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key twice: {keys}"
    return dict(pairs)


def load(text):
    return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)


def check_metric(metric):
    for row in [{"total": metric["total"]}] + metric["functions"] + metric["lines"]:
        for ratio in (row["total"], row.get("self", row["total"])):
            if ratio["value"] is None:
                assert ratio["samples"] < 10 or not ratio["denominator"]
            else:
                expected = metric["factor"] * ratio["numerator"] / ratio["denominator"]
                assert abs(ratio["value"] - expected) <= 1e-6 * abs(expected) and ratio["error"] >= 0


def check_profile(document):
    assert document["format"] == "plait-profile" and document["version"] == 1
    recording, trust, profile = document["recording"], document["trust"], document["profile"]
    for key in ("command", "host", "started", "seconds", "engine", "events"):
        assert key in recording, key
    for key in ("samples", "complete", "gap", "truncated", "unmerged", "unresolved", "lost"):
        assert isinstance(trust[key], int), key
    stacks = profile["stacks"]
    for number, stack in enumerate(stacks):
        assert stack["parent"] is None or 0 <= stack["parent"] < number
        assert 0 <= stack["frame"] < len(profile["frames"])
    for sample in profile["samples"]:
        assert 0 <= sample["stack"] < len(stacks)
        assert 0 <= sample["thread"] < len(recording["threads"])
        assert 0 <= sample["event"] < len(recording["events"])
    counting = {number for number, event in enumerate(recording["events"]) if event["counting"]}
    assert sum(s["count"] for s in profile["samples"] if s["event"] not in counting) == trust["samples"]
    if "metric" in document:
        check_metric(document["metric"])
    for number, event in enumerate(recording["events"]):
        weights = [sample["weight"] for sample in profile["samples"] if sample["event"] == number]
        assert sum(weights) == event["total"], event["name"]


def check_firefox(document):
    """Every table's columns are as long as it says, and every index is in its table."""
    shared = document["shared"]
    for table in [value for value in shared.values() if isinstance(value, dict)]:
        assert all(len(column) == table["length"] for column in table.values() if isinstance(column, list))
    frames, stacks = shared["frameTable"], shared["stackTable"]
    assert all(0 <= frame < frames["length"] for frame in stacks["frame"])
    assert all(0 <= offset <= number for number, offset in enumerate(stacks["prefixOffset"]))
    assert all(0 <= function < shared["funcTable"]["length"] for function in frames["func"])
    assert all(-1 <= lib < len(document["libs"]) for lib in frames["lib"])
    assert all(0 <= name < len(shared["stringArray"]) for name in shared["funcTable"]["name"])
    for thread in document["threads"]:
        for table in (thread["samples"], thread["markers"]):
            assert all(len(column) == table["length"] for column in table.values() if isinstance(column, list))
        assert all(0 <= stack < stacks["length"] for stack in thread["samples"]["stack"])


def check_figure(figure):
    for side in ("base", "new"):
        assert 0 <= figure[side]["share"] <= 1.000001 and figure[side]["samples"] >= 0 and figure[side]["weight"] >= 0
    tested = figure["verdict"] not in ("small",)
    assert figure["verdict"] in ("small", "undecided", "slower", "faster", "added", "removed")
    assert (figure["p"] is not None) == tested == (figure["detectable"] is not None)
    if figure["low"] is not None:
        assert figure["low"] <= figure["change"] <= figure["high"]


def check_diff(document):
    """What docs/compare.md promises."""
    assert document["format"] == "plait-diff" and document["version"] == 1
    functions = document["functions"]["rows"]
    for side in ("base", "new"):
        assert document[side]["recordings"] and document[side]["samples"] > 0
        assert sum(row["own"][side]["samples"] for row in functions) == document[side]["samples"]
    for table in ("functions", "lines"):
        for row in document[table]["rows"]:
            check_figure(row["own"])
            check_figure(row["total"])
            for side in ("base", "new"):
                assert row["own"][side]["samples"] <= row["total"][side]["samples"] <= document[side]["samples"]
    assert all(functions[row["function"]]["kind"] == "python" for row in document["lines"]["rows"])
    if document["gate"]:
        assert document["gate"]["passed"] == (not document["gate"]["failures"])


def main():
    folder = pathlib.Path(sys.argv[1])
    files = sorted(folder.glob("*.json"))
    assert len(files) >= 4, "no goldens"
    for file in files:
        text = file.read_bytes().decode("utf-8", "strict")
        if "script" in file.name:
            samples = [load(line) for line in text.splitlines()]
            assert samples and all("frames" in sample and "quality" in sample for sample in samples)
        elif file.name.endswith("diff.json"):
            check_diff(load(text))
        elif ".firefox." in file.name:
            check_firefox(load(text))
        elif ".speedscope." in file.name or ".trace." in file.name:
            assert load(text)
        else:
            check_profile(load(text))
        print(file.name, "ok")


if __name__ == "__main__":
    main()
