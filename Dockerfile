# The image of dashboards, scheduler and workers: docs/hosting.md. It is here, not in deploy/, since its context is this folder.

FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
COPY constraints.txt /wheels/
# without the gigabytes of GPU libraries that PyPI's PyTorch brings
RUN pip install --no-deps -c /wheels/constraints.txt --index-url https://download.pytorch.org/whl/cpu torch
COPY --from=wheel /wheels /wheels
RUN pip install -c /wheels/constraints.txt "$(echo /wheels/nnlab-*.whl)[postgres]"
RUN useradd --uid 10001 --create-home nnlab
RUN install -d -o nnlab /data /tls /opt/nnlab-compiled
USER nnlab
WORKDIR /home/nnlab
# the compiled engine is in the image, where no volume hides it
ENV NNLAB_HOME=/data NUMBA_CACHE_DIR=/opt/nnlab-compiled
RUN nnlab warm
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["nnlab", "serve", "--host", "0.0.0.0", "--port", "8501", "--headless"]
