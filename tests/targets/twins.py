"""Two callers that look the same from outside: frames of one size, at one address, called from one line, which call the
same function in turn. What tells them apart is the C function that runs below: crc32 in one, adler32 in the other.
Takes the seconds of CPU time to run, and how many bytes each call works on, as arguments.
"""
import sys
import time
import zlib


def work(function, data):
    function(data)


def by_crc32(data):
    work(zlib.crc32, data)


def by_adler32(data):
    work(zlib.adler32, data)


def main(seconds, size):
    data = bytes(size)
    end = time.process_time() + seconds
    while time.process_time() < end:
        for _ in range(max(1, 1000000 // size)):
            for twin in (by_crc32, by_adler32):
                twin(data)


main(float(sys.argv[1]), int(sys.argv[2]))
