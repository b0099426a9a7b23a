"""Findings as JUnit's XML, which every CI server can show. One test case a sound file, one an error."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from instar.core.finding import Finding

# What XML 1.0 cannot hold even escaped (section 2.2, Characters).
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(findings: Iterable[Finding], files: Iterable[str], suite_name: str = "instar check") -> str:
    """``files`` are those that were checked. Warnings and notes fail nothing and stand in the suite's output."""
    found = list(findings)
    errors = [finding for finding in found if finding.severity == "error"]
    sound = sorted(set(files) - {finding.file for finding in errors})
    total = {"tests": str(len(sound) + len(errors)), "failures": str(len(errors)), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", {"name": suite_name, **total})
    suite = ET.SubElement(suites, "testsuite", {"name": suite_name, **total})
    for file in sound:
        ET.SubElement(suite, "testcase", {"classname": _class(file), "name": file})
    for finding in errors:
        name = " ".join(part for part in (finding.code, finding.path) if part)
        case = ET.SubElement(suite, "testcase", {"classname": _class(finding.file), "name": _clean(name)})
        if finding.file:
            case.set("file", _clean(finding.file))
        if finding.line:
            case.set("line", str(finding.line))
        failure = ET.SubElement(case, "failure", {"type": finding.code, "message": _clean(finding.message)})
        failure.text = _clean(_text(finding))
    rest = [finding for finding in found if finding.severity != "error"]
    if rest:
        said = "\n".join(f"{finding.severity} {finding.code}: {_text(finding)}" for finding in rest)
        ET.SubElement(suite, "system-out").text = _clean(said)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode")


def _class(file: str | None) -> str:
    """JUnit groups by dots: ``upcasters.orders.v1_to_v2``."""
    return _clean((file or "project").replace("/", "."))


def _text(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line}" if finding.file and finding.line else finding.file or ""
    lines = (where, finding.message, f"→ {finding.remedy}" if finding.remedy else "")
    return "\n".join(line for line in lines if line)


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
