"""What ``schema pull`` writes: a subject's folder, as text by path."""

import json
from typing import Any

from instar.adoption.pull import Pulled
from instar.core.scaffolding.source import quoted
from instar.core.version import label
from instar.project.subject_file import Compatibility

_SUFFIX = {"avro": ".avsc", "json": ".json"}


def texts(pulled: Pulled, subject: str, *, topic: str, registry_subject: str) -> dict[str, str]:
    """Every file of the subject, relative to the project's root."""
    folder = f"schemas/{subject}"
    made = {f"{folder}/subject.toml": _subject_file(pulled, topic, registry_subject)}
    for each in pulled.versions:
        made[f"{folder}/{label(each.version)}{_SUFFIX[pulled.kind]}"] = _pretty(each.document)
        for number, example in enumerate(each.examples, start=1):
            made[f"{folder}/examples/sampled-{label(each.version)}-{number}.{label(each.version)}.json"] = _pretty(
                example
            )
    return made


def _pretty(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _subject_file(pulled: Pulled, topic: str, registry_subject: str) -> str:
    source = f"Inferred from the topic {topic}" if pulled.is_guess else f"Pulled from {registry_subject}, topic {topic}"
    lines = [f"# {' '.join(source.split())}.", 'owner         = ""', 'contact       = ""']
    level = compatibility(pulled.compatibility)
    lines.append(
        f'compatibility = "{level}"' + ("" if pulled.compatibility else "   # the registry says nothing of it")
    )
    if pulled.sensitive:
        lines.append(
            "# guess: by their names, and by what was seen in them; look for others before you commit samples."
        )
    lines.append(f"sensitive     = [{', '.join(map(quoted, pulled.sensitive))}]")
    lines += ["", "[versions]"]
    lines += [f"{label(each.version)} = {{ description = {quoted(each.note)} }}" for each in pulled.versions]
    return "\n".join(lines) + "\n"


def compatibility(level: str | None) -> Compatibility:
    """A registry's level as subject.toml writes it; what registries do by default where it says nothing."""
    known: dict[str, Compatibility] = {
        "NONE": "none",
        "BACKWARD": "backward",
        "BACKWARD_TRANSITIVE": "backward-transitive",
        "FORWARD": "forward",
        "FORWARD_TRANSITIVE": "forward-transitive",
        "FULL": "full",
        "FULL_TRANSITIVE": "full-transitive",
    }
    return known.get((level or "").upper(), "backward" if level is None else "none")
