# The service and, as a target of its own, the training job. The steps are those of `make demo`.
#   docker build -t tagalong .
#   docker build -t tagalong-trainer --target trainer .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS system
# OpenMP's runtime, for LightGBM and implicit.
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tagalong \
    && install -d -o tagalong -g tagalong /data
ENV PATH=/opt/tagalong/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TAGALONG_DATA=/data

FROM system AS install
WORKDIR /src
RUN python3 -m venv /opt/tagalong
COPY requirements/serve.txt requirements/
RUN python -m pip install --quiet --no-cache-dir --no-deps --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY recommender recommender
COPY features features
COPY machine machine
COPY training training
COPY serving serving
COPY commands commands
RUN python -m pip install --quiet --no-cache-dir --no-deps --no-build-isolation .

FROM install AS install-training
COPY requirements/train.txt requirements/
RUN python -m pip install --quiet --no-cache-dir --no-deps --require-hashes -r requirements/train.txt

FROM system AS trainer
COPY --from=install-training /opt/tagalong /opt/tagalong
USER 10001
VOLUME /data
ENTRYPOINT ["tagalong"]
CMD ["train"]

FROM system AS serving
COPY --from=install /opt/tagalong /opt/tagalong
USER 10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["tagalong"]
CMD ["serve", "--host", "0.0.0.0"]
