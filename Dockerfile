# The service as an image: locked packages, built code, no tools. Build it with `docker build -t handfast .`

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
WORKDIR /build
COPY requirements/bootstrap.txt requirements/runtime.txt requirements/licences.lst requirements/
RUN python -m venv tools \
    && tools/bin/python -m pip install --no-cache-dir --quiet --require-hashes --only-binary :all: \
        --requirement requirements/bootstrap.txt \
    && python -m venv --without-pip /srv/venv \
    && tools/bin/uv pip install --python /srv/venv/bin/python --require-hashes --requirement requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY templates templates
COPY tools/sbom.py tools/sbom.py
RUN tools/bin/uv build --python tools/bin/python --no-build-isolation --wheel --out-dir dist \
    && tools/bin/uv pip install --python /srv/venv/bin/python --no-deps dist/*.whl \
    && cp /srv/venv/lib/python3*/site-packages/handfast-*.dist-info/sboms/handfast.cdx.json /srv/handfast.cdx.json

FROM python:3.13-slim
LABEL org.opencontainers.image.title="handfast" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HANDFAST_ENV=production
COPY --from=build /srv/venv /srv/venv
# What is inside, as CycloneDX JSON, where scanners and auditors find it.
COPY --from=build /srv/handfast.cdx.json /srv/handfast.cdx.json
WORKDIR /srv/app
COPY app.py ./
COPY generated generated
COPY handlers handlers
COPY migrations migrations
# A number, so that an orchestrator can tell that it is not root; nothing below belongs to it.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["handfast", "serve", "--host", "0.0.0.0", "--port", "8000"]
