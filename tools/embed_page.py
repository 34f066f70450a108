#!/usr/bin/env python3
"""Makes the two halves of the HTML report's page, before and behind its data, into C arrays.
usage: embed_page.py OUTPUT page.html STYLE.css... SCRIPT.js..."""
import pathlib
import sys


def array(name, text):
    data = text.encode()
    rows = (", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24))
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "\n};\n"


def main():
    output, page, *parts = map(pathlib.Path, sys.argv[1:])
    style = "".join(part.read_text() for part in parts if part.suffix == ".css")
    scripts = [part for part in parts if part.suffix == ".js"]
    code = "\n".join(script.read_text() for script in scripts).replace('"use strict";\n', "")
    text = page.read_text().replace("@CSS@", style).replace("@JS@", '"use strict";\n' + code)
    head, tail = text.split("@DATA@")
    output.write_text(array("page_head", head) + array("page_tail", tail))


main()
