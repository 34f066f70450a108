"""Adds up a matrix, row by row or column by column.

    python3 access_order.py rows|columns [ROUNDS]

Both orders add the same numbers. In memory the numbers of a row lie side by side, those of a column 32 KiB apart:
by columns every number comes from a cache line and a page of its own, and the processor waits for memory.
docs/cache-misses.md finds the line that waits.
"""

import sys

import numpy as np

SIZE = 4096  # 4096 x 4096 numbers of 8 bytes: 128 MiB, more than a cache holds


def add_rows(matrix):
    total = 0.0
    for i in range(SIZE):
        total += matrix[i, :].sum()
    return total


def add_columns(matrix):
    total = 0.0
    for j in range(SIZE):
        total += matrix[:, j].sum()
    return total


def main():
    order = sys.argv[1] if len(sys.argv) > 1 else "columns"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    if order not in ("rows", "columns"):
        sys.exit(f"access_order.py: '{order}' is neither rows nor columns")
    matrix = np.ones((SIZE, SIZE))
    add = add_rows if order == "rows" else add_columns
    total = sum(add(matrix) for _ in range(rounds))
    print(f"{order}: {total:.0f}")


if __name__ == "__main__":
    main()
