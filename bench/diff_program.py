"""A program of five kinds of work for bench/diff: fixed work, of which one kind can be made to take longer.

    diff_program.py ROUNDS [KIND=FACTOR ...]
"""
import sys


def arithmetic(n):
    x = 1
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return x


def strings(n):
    out = []
    for i in range(n):
        out.append(str(i).zfill(9))
    return "".join(out)


def dictionaries(n):
    known = {}
    for i in range(n):
        known[i * 7919 % 10007] = known.get(i % 1009, 0) + 1
    return len(known)


def sorting(n):
    return sorted((i * 7919) % 10007 for i in range(n))


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


WORK = {arithmetic: 20000, strings: 8000, dictionaries: 9000, sorting: 7000}


def main(rounds, factors):
    work = [(kind, int(n * factors.get(kind.__name__, 1))) for kind, n in WORK.items()]
    for _ in range(rounds):
        for kind, n in work:
            kind(n)
        fibonacci(15)


if __name__ == "__main__":
    main(int(sys.argv[1]), {name: float(factor) for name, factor in (word.split("=") for word in sys.argv[2:])})
