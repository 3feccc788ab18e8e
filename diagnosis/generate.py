#!/usr/bin/env python3
"""Turns the catalogue of symptoms into a table of C++, or into a page:

    generate.py table CATALOGUE_FOLDER HEADERS_FOLDER OUTPUT.cpp
    generate.py page CATALOGUE_FOLDER HEADERS_FOLDER OUTPUT.md

The folder holds marks.toml and one file for each area. Whatever is not as it must be is an error:
unknown keys, ids that are there twice, a pattern that does not match its example, names of facts and
marks that the headers do not have, a trouble that is diagnosed or prevented without a test.
"""

import pathlib
import re
import sys
import tomllib

CLASSES = {
    "impossible": "nothing of that kind is there",
    "prevented": "it is seen to that it does not arise",
    "diagnosed": "it is found out and named",
    "explained": "it is known from other programs' logs",
    "not-ours": "neither this program nor the tunnel",
}
SIDES = {"client", "server", "both", "host"}
KEYS = {
    "symptom": {"id", "title", "class", "side", "cause", "remedy", "answer", "proof", "windows", "terminates", "pattern",
                "sequence", "usual"},
    "pattern": {"program", "regex", "example", "strength", "unless"},
    "sequence": {"facts", "absent", "strength"},
    "mark": {"name", "regex", "example"},
}
NEEDED = {"id", "title", "class", "side", "cause", "remedy", "answer"}
AREAS = ["host", "config", "control", "gre", "lcp", "auth", "encryption", "addresses", "routes", "speed", "names",
         "server", "windows"]
# What Python's re has and RE2 does not.
NOT_RE2 = re.compile(r"\(\?[=!<]|\\[1-9Z]|\(\?P=|\(\?\(")


class Wrong(Exception):
    pass


def enumerators(header, name):
    """The names of an enumeration, without its count."""
    body = re.search(rf"enum class {name} : [\w:]+ \{{(.*?)\}};", header.read_text(), re.DOTALL)[1]
    return [n for n in re.findall(r"^\s*(\w+)\b", re.sub(r"//.*", "", body), re.MULTILINE) if n != "count_"]


def check_keys(what, entry, kind):
    unknown = set(entry) - KEYS[kind]
    if unknown:
        raise Wrong(f"{what}: unknown keys {sorted(unknown)}")


def check_regex(what, entry):
    if NOT_RE2.search(entry["regex"]):
        raise Wrong(f"{what}: RE2 cannot do {entry['regex']}")
    if not re.search(entry["regex"], entry["example"]):
        raise Wrong(f"{what}: {entry['regex']} does not match {entry['example']}")


def check_symptom(symptom, facts):
    what = symptom.get("id", "a symptom without an id")
    check_keys(what, symptom, "symptom")
    missing = NEEDED - set(symptom)
    if missing:
        raise Wrong(f"{what}: without {sorted(missing)}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", what):
        raise Wrong(f"{what}: not an id")
    if symptom["class"] not in CLASSES or symptom["side"] not in SIDES:
        raise Wrong(f"{what}: class {symptom['class']}, side {symptom['side']}")
    if symptom["class"] in ("diagnosed", "prevented") and not symptom.get("proof"):
        raise Wrong(f"{what}: {symptom['class']}, and no test proves it")
    if not symptom["remedy"]:
        raise Wrong(f"{what}: without a remedy")
    for pattern in symptom.get("pattern", []):
        check_keys(what, pattern, "pattern")
        check_regex(what, pattern)
    for sequence in symptom.get("sequence", []):
        check_keys(what, sequence, "sequence")
    names = [name for pattern in symptom.get("pattern", []) for name in pattern.get("unless", [])]
    names += [name for sequence in symptom.get("sequence", [])
              for name in sequence["facts"] + sequence.get("absent", [])]
    for name in names:
        if name not in facts:
            raise Wrong(f"{what}: no fact is called {name}")


def read(folder, headers):
    """(symptoms with their areas, marks), checked."""
    facts = enumerators(headers / "facts.h", "Fact")
    known_marks = enumerators(headers / "marks.h", "Mark")
    files = {path.stem: tomllib.loads(path.read_text()) for path in sorted(folder.glob("*.toml"))}
    marks = files.pop("marks")["mark"]
    if set(files) != set(AREAS):
        raise Wrong(f"areas: {sorted(set(files) ^ set(AREAS))}")
    symptoms = []
    for area in AREAS:
        if set(files[area]) != {"symptom"}:
            raise Wrong(f"{area}.toml: {sorted(files[area])}")
        for symptom in files[area]["symptom"]:
            check_symptom(symptom, facts)
            if any(symptom["id"] == other["id"] for _, other in symptoms):
                raise Wrong(f"{symptom['id']}: there twice")
            symptoms.append((area, symptom))
    for mark in marks:
        check_keys(f"mark {mark['name']}", mark, "mark")
        check_regex(f"mark {mark['name']}", mark)
        if mark["name"] not in known_marks:
            raise Wrong(f"no mark is called {mark['name']}")
    if set(known_marks) != {mark["name"] for mark in marks}:
        raise Wrong(f"marks without a pattern: {sorted(set(known_marks) - {mark['name'] for mark in marks})}")
    return symptoms, marks


def literal(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    if not quoted.isascii() or not quoted.isprintable():
        raise Wrong(f"not printable ASCII: {text!r}")
    return f'"{quoted}"'


class Table:
    """The lines of the C++ file: arrays first, then what refers to them."""

    def __init__(self):
        self.arrays = []

    def array(self, name, kind, values):
        if not values:
            return "{}"
        self.arrays.append(f"constexpr {kind} {name}[] = {{\n" + "".join(f"    {value},\n" for value in values) + "};\n")
        return name

    def facts(self, name, facts):
        return self.array(name, "Fact", [f"Fact::{fact}" for fact in facts])

    def symptom(self, number, symptom):
        prefix = f"kSymptom{number}"
        patterns = [
            "{" + ", ".join([literal(p["program"]), literal(p["regex"]), literal(p["example"]), str(p.get("strength", 0)),
                             self.facts(f"{prefix}Unless{i}", p.get("unless", []))]) + "}"
            for i, p in enumerate(symptom.get("pattern", []))]
        sequences = [
            "{" + ", ".join([self.facts(f"{prefix}Facts{i}", s["facts"]),
                             self.facts(f"{prefix}Absent{i}", s.get("absent", [])), str(s["strength"])]) + "}"
            for i, s in enumerate(symptom.get("sequence", []))]
        return "{" + ",\n     ".join([
            literal(symptom["id"]), literal(symptom["title"]), f"SymptomClass::{symptom['class'].replace('-', '_')}",
            literal(symptom["side"]), literal(symptom["cause"]),
            self.array(f"{prefix}Remedy", "std::string_view", [literal(line) for line in symptom["remedy"]]),
            literal(symptom["answer"]),
            self.array(f"{prefix}Proof", "std::string_view", [literal(line) for line in symptom.get("proof", [])]),
            self.array(f"{prefix}Patterns", "SymptomPattern", patterns),
            self.array(f"{prefix}Sequences", "SymptomSequence", sequences),
            self.array(f"{prefix}Windows", "std::uint16_t", [str(n) for n in symptom.get("windows", [])]),
            self.array(f"{prefix}Terminates", "std::uint16_t", [str(n) for n in symptom.get("terminates", [])]),
            str(symptom.get("usual", False)).lower(),
        ]) + "}"


def table(symptoms, marks):
    lines = Table()
    entries = [lines.symptom(number, symptom) for number, (_, symptom) in enumerate(symptoms)]
    lines.array("kSymptoms", "Symptom", entries)
    lines.array("kMarks", "MarkPattern",
                [f"{{Mark::{m['name']}, {literal(m['regex'])}, {literal(m['example'])}}}" for m in marks])
    return ("// Made by diagnosis/generate.py.\n"
            '#include "diagnosis/catalogue.h"\n#include "diagnosis/marks.h"\n\n'
            "namespace pptp::diagnosis {\nnamespace {\n\n" + "\n".join(lines.arrays) + "\n}  // namespace\n\n"
            "std::span<const Symptom> symptoms() {\n  return kSymptoms;\n}\n\n"
            "std::span<const MarkPattern> mark_patterns() {\n  return kMarks;\n}\n\n"
            "}  // namespace pptp::diagnosis\n")


def cell(text):
    """Text in a table: what Markdown would take for its own is kept as it is."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<").replace("*", "\\*").replace("`", "\\`")


def page(symptoms):
    counts = {name: sum(symptom["class"] == name for _, symptom in symptoms) for name in CLASSES}
    text = ["# Symptoms", "",
            "What goes wrong with PPTP, and what this program does about it. `pptpd-user symptoms ID` prints an entry,",
            "`pptpd-user explain FILE` finds them in a log. This page is made from `diagnosis/catalogue/` by",
            "`diagnosis/generate.py`: change it there.", "", "| class | meaning | entries |", "|---|---|---|"]
    text += [f"| {name} | {meaning} | {counts[name]} |" for name, meaning in CLASSES.items()]
    for area in AREAS:
        text += ["", f"## {area}", "", "| id | trouble | class | what this program does | proved by |", "|---|---|---|---|---|"]
        for _, symptom in (entry for entry in symptoms if entry[0] == area):
            proof = "; ".join(cell(line) for line in symptom.get("proof", []))
            text.append(f"| `{symptom['id']}` | {cell(symptom['title'])} | {symptom['class']} | {cell(symptom['answer'])} | {proof} |")
    return "\n".join(text) + "\n"


def main():
    kind, folder, headers, output = sys.argv[1:5]
    try:
        symptoms, marks = read(pathlib.Path(folder), pathlib.Path(headers))
        text = table(symptoms, marks) if kind == "table" else page(symptoms)
    except Wrong as wrong:
        sys.exit(f"generate.py: {wrong}")
    pathlib.Path(output).write_text(text)


if __name__ == "__main__":
    main()
