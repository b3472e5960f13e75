# syntax=docker/dockerfile:1
ARG BASE_IMAGE=python:3.11-slim-trixie
FROM ${BASE_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/certrail
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY sdk sdk
COPY client client
COPY engine engine
COPY workflows workflows
COPY server server
COPY plugins plugins
RUN /opt/certrail/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt \
      ./sdk ./client . ./plugins/aws ./plugins/destinations/* ./plugins/notifiers/*

FROM ${BASE_IMAGE}
# `certrail backup` calls pg_dump and pg_restore, which are to be of the server's version: 17 here as in the compose file.
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client-17 && rm -rf /var/lib/apt/lists/*
# A fixed number, so that volumes and secrets can be given to this user from outside.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/certrail certrail \
    && install -d -o certrail -g certrail -m 0700 /var/lib/certrail \
       /var/lib/certrail/keys /var/lib/certrail/run /var/lib/certrail/delivered
COPY --from=build /opt/certrail /opt/certrail
ENV PATH=/opt/certrail/bin:$PATH PYTHONUNBUFFERED=1 CERTRAIL_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/certrail
EXPOSE 8080
ENTRYPOINT ["certrail"]
CMD ["server"]
