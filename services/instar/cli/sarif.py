"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change."""

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from instar import __version__
from instar.core.finding import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def report(findings: Iterable[Finding]) -> dict[str, Any]:
    """One run. Paths are relative to the project's root, which SARIF calls ``%SRCROOT%``."""
    found = list(findings)
    codes = sorted({finding.code for finding in found})
    rules = [{"id": code, "shortDescription": {"text": code.replace("-", " ").capitalize()}} for code in codes]
    driver = {"name": "instar", "semanticVersion": __version__, "rules": rules}
    results = [_result(finding, codes.index(finding.code)) for finding in found]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    text = f"{finding.message}\nWhat to do: {finding.remedy}" if finding.remedy else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": finding.severity,  # SARIF has the same three names
        "message": {"text": text},
        "partialFingerprints": {"instar/v1": _fingerprint(finding)},
    }
    location: dict[str, Any] = {}
    if finding.file:
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.file), "uriBaseId": "%SRCROOT%"}}
        if finding.line:
            physical["region"] = {"startLine": finding.line}
        location["physicalLocation"] = physical
    name = ".".join(part for part in (finding.subject, finding.path) if part)
    if name:
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    if location:
        result["locations"] = [location]
    return result


def _fingerprint(finding: Finding) -> str:
    """The same finding keeps its fingerprint when lines above it come and go."""
    parts = (finding.code, finding.file or "", finding.path or "", finding.subject or "", finding.message)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
