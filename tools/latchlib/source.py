"""Compiles a system description on top of a board's device tree.

Both go to dtc as one source: what the description says about a node of the board then replaces or
removes what the board says, by dtc's own rules, and phandles cannot collide.
"""

import os
import re
import subprocess

from .error import Fail

VERSION_TAG = "/dts-v1/;"


def dtc(arguments, data):
    try:
        done = subprocess.run(["dtc", "-q", *arguments], input=data, capture_output=True,
                              check=False)
    except FileNotFoundError:
        raise Fail("dtc is missing: run tools/setup") from None
    return done


def decompile(blob):
    done = dtc(["-I", "dtb", "-O", "dts", "-"], blob)
    if done.returncode != 0:
        raise Fail(f"dtc cannot read the board's device tree: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def first_error(text):
    """dtc's first complaint as FILE:LINE: REASON."""
    match = re.search(r"^(?:Error: )?(\S+?):(\d+)[.:]\S*\s*(.*)$", text, re.MULTILINE)
    if match:
        return f"{match[1]}:{match[2]}: {match[3]}"
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "dtc failed"


def compile_over(board, path):
    """The flattened device tree of the description at `path` merged into the source `board`."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Fail(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Fail(f"{path}: not a text file") from None
    if VERSION_TAG not in text:
        raise Fail(f"{path}: no {VERSION_TAG} at its start")
    # The version tag may stand only once, at the start of all; the linemarker keeps dtc's
    # messages about the description's own lines.
    text = text.replace(VERSION_TAG, " " * len(VERSION_TAG), 1)
    name = path.replace("\\", "\\\\").replace('"', '\\"')
    joined = f'{board}\n# 1 "{name}"\n{text}'
    folder = os.path.dirname(os.path.abspath(path))
    done = dtc(["-I", "dts", "-O", "dtb", "-i", folder, "-"], joined.encode())
    if done.returncode != 0:
        raise Fail(first_error(done.stderr.decode(errors="replace")))
    return done.stdout
