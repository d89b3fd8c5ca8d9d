# One image for everything: the code server, the webserver, the daemon, and each run that the daemon starts.
FROM python:3.11-slim-bookworm

RUN useradd --create-home --uid 1000 dagster \
    && apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/learning_analytics
COPY pyproject.toml constraints.txt README.md ./
COPY src ./src
RUN pip install --no-cache-dir uv \
    && uv pip install --system --no-cache --constraint constraints.txt '.[aws]'

COPY data/mappings ./mappings
COPY deploy/dagster.yaml /opt/dagster/dagster.yaml
COPY deploy/workspace.yaml /opt/dagster/workspace.yaml
RUN mkdir -p /var/lib/la-staging && chown dagster /var/lib/la-staging /opt/dagster

ENV DAGSTER_HOME=/opt/dagster \
    LA_ENVIRONMENT=aws \
    LA_MAPPINGS=/opt/learning_analytics/mappings \
    LA_STAGING_ROOT=/var/lib/la-staging \
    OPENBLAS_NUM_THREADS=1 \
    PYTHONUNBUFFERED=1
USER dagster
EXPOSE 3000 4000
CMD ["dagster", "code-server", "start", "--host", "0.0.0.0", "--port", "4000", "--module-name", "la_assets.definitions", "--location-name", "learning_analytics"]
