"""Puts a file together whose parts are in Python packages, and holds it to a SHA-256.

    .../python join_parts.py FOLDER FILE SHA256

FOLDER: has the packages, of whose contents only the parts are read: the files *.bin, in the order of their names.
"""

import hashlib
import os
import shutil
import sys
import zipfile


def parts(folder):
    for package in os.listdir(folder):
        if not package.endswith(".whl"):
            continue
        archive = zipfile.ZipFile(os.path.join(folder, package))
        for name in archive.namelist():
            if name.endswith(".bin"):
                yield os.path.basename(name), archive, name


def main():
    folder, path, expected = sys.argv[1:]
    whole = os.path.join(folder, "whole")
    with open(whole, "wb") as file:
        for _, archive, name in sorted(parts(folder), key=lambda part: part[0]):
            shutil.copyfileobj(archive.open(name), file, 1 << 20)
    with open(whole, "rb") as file:
        found = digest(file)
    if found != expected:
        sys.exit(f"SHA-256 of the parts together: {found}, not {expected}")
    os.replace(whole, path)


def digest(file):
    state = hashlib.sha256()
    while block := file.read(1 << 20):
        state.update(block)
    return state.hexdigest()


main()
