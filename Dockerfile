# The engine as an image: no root, no compiler, no embedded servers, no tests; its packages by hash.
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /app
COPY requirements-image.lock ./
RUN python -m venv /opt/dsr \
    && /opt/dsr/bin/pip install --no-cache-dir --require-hashes --only-binary=:all: \
        --requirement requirements-image.lock
COPY . .
# Linked, not copied: the shipped configuration lies beside the program.
RUN /opt/dsr/bin/pip install --no-index --no-deps --no-build-isolation --editable . \
    && /opt/dsr/bin/pip uninstall --yes setuptools pip

FROM ${PYTHON}
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin dsr \
    && install --directory --owner=dsr --group=dsr --mode=0700 /keys /evidence
COPY --from=build /opt/dsr /opt/dsr
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/dsr/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DSR_KEYS=/keys DSR_AUDIT_LOG=/evidence/audit-checkpoints.jsonl DSR_HEALTH_ADDRESS=127.0.0.1:8601
USER 10001:10001
STOPSIGNAL SIGTERM
# Of a worker. There is no curl in the image, and urllib would go through a proxy of the environment.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "docker/healthy.py", "8601"]
CMD ["python", "worker.py"]
