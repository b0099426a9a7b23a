"""The pages: made on the server, usable without a script; one module for each."""

from fastapi import APIRouter

from instar.dashboard.pages import (
    consumers,
    history,
    home,
    letters,
    migrations,
    records,
    rollouts,
    session,
    subjects,
    verifications,
)

router = APIRouter()
for page in (home, rollouts, verifications, migrations, subjects, records, letters, consumers, history, session):
    router.include_router(page.router)
