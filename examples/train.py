"""A small NumPy job with a few different costs: matrix products, sorting, many tiny calls, and plain Python."""
import sys
import time

import numpy as np


def load(rng, size):
    return rng.standard_normal((size, size)), rng.standard_normal((size, size))


def step(x, w):
    y = x @ w
    return np.tanh(y / len(x))


def nearest(points, queries):
    found = []
    for query in queries:
        distance = ((points - query) ** 2).sum(axis=1)
        found.append(np.argsort(distance)[:5])
    return found


def normalise(rows):
    return [(row - row.mean()) / (row.std() + 1e-9) for row in rows]


def vote(labels):
    counts = {}
    for label in labels:
        counts[label % 17] = counts.get(label % 17, 0) + 1
    return max(counts, key=lambda label: counts[label])


def main(seconds):
    rng = np.random.default_rng(1)
    x, w = load(rng, 384)
    points, labels = rng.standard_normal((4000, 8)), list(range(20000))
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(4):
            x = step(x, w)
        nearest(points, points[:20])
        normalise(x[:100])
        vote(labels)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
