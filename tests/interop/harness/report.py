"""A page of `doctor --report`, read by a parser that takes nothing but well-formed XML."""

import re
import xml.etree.ElementTree as ElementTree

# What a page would ask others by, and what could run.
OUTSIDE = re.compile(r"https?:|//|\bsrc=|url\(|@import|<script|<link|<img|<iframe|\bon\w+=", re.IGNORECASE)


class Report:
    def __init__(self, path):
        self.mode = path.stat().st_mode & 0o777
        self.text = path.read_text(encoding="ascii")
        self._page = ElementTree.fromstring(self.text)

    def outside(self):
        """What it has of references and scripts."""
        return OUTSIDE.findall(self.text)

    def verdict(self):
        return "".join(self._page.find(".//h1").itertext())

    def rungs(self, *classes):
        """Labels of the arrows that are of these classes, from top to bottom."""
        return [" ".join("".join(rung.find(".//b").itertext()).split())
                for rung in self._page.iter("div")
                if {"rung", *classes} <= set(rung.get("class", "").split()) and rung.find(".//b") is not None]

    def remark(self):
        """What is said in place of a mark."""
        return "".join(p.text for p in self._page.iter("p") if p.get("class") == "remark")

    def steps(self):
        """{step: verdict}."""
        return {row.find("th").text: row.get("class") for row in self._page.iter("tr") if row.find("th") is not None}
