# A worker: `docker build -t etl-runners-worker .`, then `docker run etl-runners-worker glue athena` with the variables
# that docs/worker.md names. Which Python image is built on may be said: --build-arg PYTHON_IMAGE=...
# A worker that runs steps needs their libraries, too: --build-arg LIBRARIES=worker-with-steps.

ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS libraries
ARG LIBRARIES=worker
COPY requirements/${LIBRARIES}.lock /libraries.lock
RUN python -m pip install --no-cache-dir --require-hashes --target /libraries -r /libraries.lock

FROM ${PYTHON_IMAGE}
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/app:/libraries
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin worker
COPY --from=libraries /libraries /libraries
COPY runners /app/runners
# What steps keep for a while; all else may be read-only.
VOLUME ["/tmp"]
USER 10001
WORKDIR /app

# Open polls are waited out: give the container 120 seconds to stop.
STOPSIGNAL SIGTERM
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "runners.worker.health"]
ENTRYPOINT ["python", "-m", "runners", "worker"]
