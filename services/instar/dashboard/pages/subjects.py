"""Subjects: all of them, and one with its versions, its chain and what changed."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from instar.core.compat.diff_document import between, types_of, where
from instar.core.scaffolding.graph import lane, losses
from instar.core.version import label
from instar.dashboard.api.subjects import span, version_document
from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.verdicts import verdicts
from instar.dashboard.views.mix import mix_of
from instar.dashboard.views.verdict import shown
from instar.operations.scope import subject_of

router = APIRouter(prefix="/subjects")


@router.get("")
def all_of_them(request: Request, site: OfSite, caller: Viewer) -> Response:
    rows = [
        {
            "subject": subject,
            "versions": [version_document(site, subject, version) for version in sorted(subject.versions)],
            "migrations": [
                name for name, each in sorted(site.project.settings.migrations.items()) if subject.name in each.subjects
            ],
            "description": site.project.sources[subject.name].notes.description,
        }
        for _, subject in sorted(site.project.catalogue.subjects.items())
    ]
    return render(request, "subjects.html", caller, rows=rows, errors=site.project.errors)


@router.get("/{name}")
def one(request: Request, site: OfSite, caller: Viewer, name: str) -> Response:
    subject = subject_of(site.project, name)
    asked = request.query_params
    versions = sorted(subject.versions)
    drawn = lane(subject)
    first, last = asked.get("from") or label(versions[0]), asked.get("to") or label(versions[-1])
    made = None
    if len(versions) > 1:
        made = between(subject, *span(subject, first, last))[0]
    return render(
        request,
        "subject.html",
        caller,
        subject=subject,
        notes=site.project.sources[name].notes,
        versions=[version_document(site, subject, version) for version in versions],
        edges={edge.from_version: (edge, losses(edge)) for edge in drawn.edges},
        numbers=versions,
        first=first,
        last=last,
        diff=made,
        changes=[(change, where(change), types_of(change)) for change in made.changes] if made else [],
        mix=mix_of(site.project, site.watcher.seen, name),
        verdicts=[
            shown(site.project, each) for each in verdicts(site.project, site.watcher.seen) if each.subject == name
        ],
    )
