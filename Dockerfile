# One image with several commands: docker run IMAGE worker orders-v3
FROM python:3.11-slim AS build
RUN python -m venv /opt/instar
WORKDIR /source
COPY requirements.txt ./
RUN /opt/instar/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY services ./services
# The wheel carries the demonstration's own project.
COPY schemas ./schemas
COPY upcasters ./upcasters
RUN /opt/instar/bin/pip install --no-cache-dir --no-deps '.[snappy,postgresql,serve,census]'

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 instar && install --directory --owner=instar /project
COPY --from=build /opt/instar /opt/instar
ENV PATH=/opt/instar/bin:$PATH PYTHONUNBUFFERED=1
# The repository root is an instar project; another one is mounted over this folder.
WORKDIR /project
# The pattern lets a project without a lock file build too.
COPY --chown=instar pyproject.toml instar.loc[k] ./
COPY --chown=instar schemas ./schemas
COPY --chown=instar upcasters ./upcasters
USER instar
ENTRYPOINT ["instar"]
CMD ["--help"]
