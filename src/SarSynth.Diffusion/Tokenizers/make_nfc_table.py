#!/usr/bin/env python3
"""Writes nfc.txt: what canonical composition (Unicode NFC) needs beyond Hangul, which has a formula.

Lines "C base mark composed" (primary composites), "D composed first [second]" (decompositions that never compose
back) and "K class first last" (canonical combining classes), hexadecimal.
"""
import unicodedata

composites, exclusions, classes = [], [], []
for code in range(0x110000):
    char = chr(code)
    kind = unicodedata.combining(char)
    if kind:
        if classes and classes[-1][0] == kind and classes[-1][2] == code - 1:
            classes[-1][2] = code
        else:
            classes.append([kind, code, code])
    decomposition = unicodedata.decomposition(char)
    if not decomposition or decomposition.startswith("<"):
        continue
    parts = decomposition.split()
    if len(parts) == 2 and unicodedata.normalize("NFC", char) == char:
        composites.append((parts[0], parts[1], f"{code:04X}"))
    else:
        exclusions.append((f"{code:04X}", *parts))

with open("nfc.txt", "w", encoding="ascii", newline="\n") as out:
    for row in composites:
        out.write("C " + " ".join(row) + "\n")
    for row in exclusions:
        out.write("D " + " ".join(row) + "\n")
    for kind, first, last in classes:
        out.write(f"K {kind} {first:04X} {last:04X}\n")
