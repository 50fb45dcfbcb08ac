# The image of the site and of its runner (compose.yaml). Needs nothing that only BuildKit knows: the classic builder makes
# the same image. Stages: pip, uv, its cache and wheels lie in no layer of what comes out.
#
#   docker build -t podium .
#   docker build -t podium --build-arg BASE=registry.example.org/python:3.12-slim .
#
# BASE: any image with python3 3.11 or newer and its venv module. Wheels in deploy/docker/wheels: nothing is fetched.
# DATABASE: the image of PostgreSQL that the site shall use; what `manage.py backup` calls is taken out of it.
ARG BASE=python:3.11-slim
ARG DATABASE=postgres:17
FROM ${DATABASE} AS database
COPY deploy/docker/client.sh /client.sh
RUN ["sh", "/client.sh"]

FROM ${BASE} AS build
ARG PIP_INDEX_URL=
# The locks alone, so that a change of our code does not install anew.
COPY requirements/app.lock deploy/docker/install.sh deploy/docker/wheels /build/
RUN ["sh", "/build/install.sh"]

FROM build AS code
COPY . /podium
WORKDIR /podium
RUN ["sh", "deploy/docker/collect.sh"]

FROM ${BASE}
# No home, no shell, no password: nothing here is logged in to.
COPY deploy/docker/user.sh /tmp/user.sh
RUN ["sh", "/tmp/user.sh"]
COPY --from=database /postgresql /postgresql
COPY --from=build /venv /venv
COPY --from=code /podium /podium
ENV PATH=/venv/bin:/postgresql/bin:/usr/local/bin:/usr/bin:/bin DJANGO_SETTINGS_MODULE=config.settings \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PODIUM_VAR=/var/lib/podium PODIUM_STATIC=/podium/collected
WORKDIR /podium
USER 10001:10001
EXPOSE 8000
CMD ["python3", "manage.py", "start", "web", "--host", "0.0.0.0"]
