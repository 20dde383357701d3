# The engine's image, from the top of the repository: every function in one process, with what carries messages to them.
#   docker build -f infra/kubernetes/engine.Dockerfile -t litmus-gitops-engine:0.1.0 .
ARG PYTHON=3.11
FROM python:${PYTHON}-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY shared shared
COPY functions functions
COPY infra/*.py infra/
COPY infra/cli infra/cli
COPY infra/local infra/local
RUN python -m compileall -q shared infra functions
ENV PYTHONPATH=/app
USER 65532:65532
CMD ["python", "-m", "infra.cli", "up"]
