"""The benchmark programs: fixed work, so that a run's time is what a profiler costs. Prints nothing.

    programs.py pure|calls|blas ROUNDS
"""
import sys


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def pure(rounds):
    for _ in range(rounds):
        fibonacci(22)
        sorted(((i * 7919) % 10007 for i in range(5000)), key=lambda x: -x)


def calls(rounds):
    import numpy as np
    small = [np.arange(16.0) + i for i in range(64)]
    for _ in range(rounds * 12):
        for a in small:
            (a * 2 + 1).sum()
            np.dot(a, a)


def blas(rounds):
    import numpy as np
    x = np.random.default_rng(1).standard_normal((512, 512))
    for _ in range(rounds):
        x = x @ x / 512


if __name__ == "__main__":
    {"pure": pure, "calls": calls, "blas": blas}[sys.argv[1]](int(sys.argv[2]))
